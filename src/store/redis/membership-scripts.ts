/**
 * The scripts by which the hosts of a cluster know each other. Keys:
 *
 *     lead      hash    the planner's lease: token, host, until; `count` numbers the tokens
 *     hosts     zset    host -> until when it counts as alive
 *     reports   hash    host -> what it last said of its clients (demand, load), for the planner
 *     lenders   zset    host -> until when it may lend what it owns (ownership-scripts.ts)
 *     wants     hash    host -> "NEEDS SPARE DEMAND": addresses with limits that its waiting clients lack, those that it owns and
 *                       does not need, and its leases and waiting clients
 *     sums      hash    the sums of these: needs, spare, demand
 *     plan      hash    what the planner last said of its providers
 *     mark      string  equal on hosts with the same `cluster.secret`; expires when no host lives
 *     seq       string  number of the latest event
 *     events    zset    the latest events, each with its number before it -> its number
 */
import { type Script, script } from './script.ts'

/** Events that are kept: a host that has missed more reads everything. */
const KEPT_EVENTS = 10_000
const MOST_EVENTS = 500

/** Adds an event for all hosts. */
export const EVENTS = `
local function publish(event)
  local number = call('INCR', key('seq'))
  call('ZADD', key('events'), number, ms(number) .. ' ' .. event)
  call('ZREMRANGEBYRANK', key('events'), 0, ${-KEPT_EVENTS - 1})
  return number
end
`

/**
 * A host's heartbeat. ask: host, aliveMs, report; leaseMs and mayLead: it takes the lease when no host has it, and keeps it;
 * token: of the lease that it believes to have; plan: as the planner; after: the number of the last event that it knows;
 * mark: made with the secret, which it does not disclose; lendMs: how long it lends what it owns without another heartbeat, absent where
 * addresses have no limits; needs, spare, demand.
 */
const SYNC = `
local since = followed_since()
if ask.mark and ask.aliveMs > 0 then
  local mark = call('GET', key('mark'))
  if mark and mark ~= ask.mark then return cjson.encode({ now = now, hasOtherSecret = true }) end
  call('SET', key('mark'), ask.mark, 'PX', ms(ask.aliveMs))
end
local lead = record(key('lead'))
if lead.host == ask.host and lead.token == ask.token or ask.mayLead and now >= tonumber(lead['until'] or 0) then
  if lead.token ~= ask.token or lead.host ~= ask.host then
    lead.count = ms((lead.count or 0) + 1)
    lead.token, lead.host = lead.count .. ' ' .. ask.host, ask.host
  end
  lead['until'] = ms(ask.mayLead and now + ask.leaseMs or now)
  call('HSET', key('lead'), 'token', lead.token, 'host', lead.host, 'count', lead.count, 'until', lead['until'])
  if ask.plan then call('HSET', key('plan'), 'providers', ask.plan) end
end

local function wants_of(host)
  local needs, spare, demand = string.match(call('HGET', key('wants'), host) or '', '^(%d+) (%d+) (%d+)$')
  return { needs = tonumber(needs or 0), spare = tonumber(spare or 0), demand = tonumber(demand or 0) }
end

local function note_wants(host, wants)
  local known = wants_of(host)
  for _, name in ipairs({ 'needs', 'spare', 'demand' }) do add(key('sums'), name, wants[name] - known[name]) end
  call('HSET', key('wants'), host, ms(wants.needs) .. ' ' .. ms(wants.spare) .. ' ' .. ms(wants.demand))
end

local function leave(host)
  if call('ZREM', key('hosts'), host) == 0 then return end
  note_wants(host, { needs = 0, spare = 0, demand = 0 })
  call('HDEL', key('wants'), host)
  call('HDEL', key('reports'), host)
  publish(cjson.encode({ kind = 'silent', host = host }))
end

for _, host in ipairs(call('ZRANGEBYSCORE', key('hosts'), '-inf', ms(now))) do leave(host) end
if ask.aliveMs > 0 then
  if not call('ZSCORE', key('hosts'), ask.host) then publish(cjson.encode({ kind = 'back', host = ask.host })) end
  call('ZADD', key('hosts'), ms(now + ask.aliveMs), ask.host)
  call('HSET', key('reports'), ask.host, ask.report)
  if ask.lendMs then
    call('ZADD', key('lenders'), ms(now + ask.lendMs), ask.host)
    note_wants(ask.host, ask)
  end
else
  leave(ask.host)
end

local last = tonumber(call('GET', key('seq')) or 0)
local events = call('ZRANGEBYSCORE', key('events'), '(' .. ms(ask.after), '+inf', 'LIMIT', 0, ${MOST_EVENTS})
local first = events[1] and tonumber(string.match(events[1], '^%d+'))
local others = { needs = 0, spare = 0, demand = 0 }
if ask.lendMs then
  for name in pairs(others) do others[name] = number_of(key('sums'), name) - (ask[name] or 0) end
end
local is_ours = lead.host == ask.host
return cjson.encode({ now = now, since = since, lead = { token = lead.token, host = lead.host,
  leftMs = tonumber(lead['until'] or 0) - now }, hosts = call('ZCARD', key('hosts')), last = last, events = events,
  isBehind = ask.after > last or ask.after < last and first ~= ask.after + 1,
  others = others,
  reports = is_ours and record(key('reports')) or {}, plan = call('HGET', key('plan'), 'providers') or '' })
`

export const syncScript: Script = script('sync', EVENTS, SYNC)
