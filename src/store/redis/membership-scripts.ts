/**
 * The scripts by which the hosts of a cluster know each other. Keys:
 *
 *     lead      hash    the planner's lease: token, host, until; `count` numbers the tokens
 *     hosts     zset    host -> until when it counts as alive
 *     reports   hash    host -> what it last said of its clients (demand, load), for the planner
 *     plan      hash    what the planner last said of its providers
 *     seq       string  number of the latest event
 *     events    zset    the latest events, each with its number before it -> its number
 */
import { type Script, script } from './script.ts'

/** Events that are kept: a host that is further behind reads everything. */
const KEPT_EVENTS = 10_000
const MOST_EVENTS = 500

/** Adds an event for all hosts. */
export const EVENTS = `
local function publish(event)
  local number = call('INCR', key('seq'))
  call('ZADD', key('events'), number, ms(number) .. ' ' .. event)
  call('ZREMRANGEBYRANK', key('events'), 0, ${-KEPT_EVENTS - 1})
end
`

/**
 * A host's heartbeat. ask: host, aliveMs, report; leaseMs and mayLead: it takes the lease when no host has it, and keeps it;
 * token: of the lease that it believes to have; plan: as the planner; after: the number of the last event that it knows.
 */
const SYNC = `
local since = followed_since()
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

for _, host in ipairs(call('ZRANGEBYSCORE', key('hosts'), '-inf', ms(now))) do
  call('HDEL', key('reports'), host)
  call('ZREM', key('hosts'), host)
end
if ask.aliveMs > 0 then
  call('ZADD', key('hosts'), ms(now + ask.aliveMs), ask.host)
  call('HSET', key('reports'), ask.host, ask.report)
else
  call('ZREM', key('hosts'), ask.host)
  call('HDEL', key('reports'), ask.host)
end

local last, events = tonumber(call('GET', key('seq')) or 0), {}
local found = call('ZRANGEBYSCORE', key('events'), '(' .. ms(ask.after), '+inf', 'LIMIT', 0, ${MOST_EVENTS})
for i, text in ipairs(found) do events[i] = string.match(text, '^%d+ (.*)$') end
local first = found[1] and tonumber(string.match(found[1], '^%d+'))
local is_ours = lead.host == ask.host
return cjson.encode({ now = now, since = since, lead = { token = lead.token, host = lead.host,
  leftMs = tonumber(lead['until'] or 0) - now }, hosts = call('ZCARD', key('hosts')), last = last, events = events,
  isBehind = ask.after > last or ask.after < last and first ~= ask.after + 1,
  reports = is_ours and record(key('reports')) or {}, plan = call('HGET', key('plan'), 'providers') or '' })
`

export const syncScript: Script = script('sync', EVENTS, SYNC)
