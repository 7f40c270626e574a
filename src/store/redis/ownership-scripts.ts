/**
 * The scripts by which an address with limits belongs to one host at a time. Keys, beside those of membership-scripts.ts:
 *
 *     owners    hash    address -> "NUMBER HOST": the event by which it went to that host; no host: any may claim it
 *     handed    hash    address -> what its last owner has said of it, as JSON (`HandedUpstream` in cluster/owner-table.ts)
 *
 * The numbers grow with every change, also over a failover: of two that differ, the greater one is right.
 */
import { EVENTS } from './membership-scripts.ts'
import { type Script, script } from './script.ts'

const OWNERS = `
local function owner_of(id)
  local number, host = string.match(call('HGET', key('owners'), id) or '', '^(%d+) (.*)$')
  return tonumber(number or 0), host or ''
end

local function give(id, host)
  local handed = call('HGET', key('handed'), id) or nil
  local number = publish(cjson.encode({ kind = 'own', host = ask.host, id = id, owner = host, handed = handed }))
  call('HSET', key('owners'), id, ms(number) .. ' ' .. host)
  return { id = id, number = number, handed = handed }
end
`

/**
 * ask: host; quietMs: so long after a failover no host may claim; ids: any of them, at most \`count\`; wanted: exactly these, which
 * their owners are asked for, with the sessions that live on them (digests); holdMs: so long after its owner may lend it no more an address is free, absent for never.
 */
const CLAIM = `
local since = followed_since()
local granted = {}

-- Its owner may have come back as long as its time is not over, by the time of a server that knows it.
local function is_over(host)
  local ended = tonumber(call('ZSCORE', key('lenders'), host) or 0)
  return ask.holdMs and now > math.max(ended, since) + ask.holdMs
end

local function claim(id)
  if call('HEXISTS', key('pool'), id) == 0 or call('HEXISTS', key('done'), id) == 1 then return false end
  local number, owner = owner_of(id)
  if owner == ask.host then
    granted[#granted + 1] = { id = id, number = number, handed = call('HGET', key('handed'), id) or nil }
  elseif owner == '' or is_over(owner) then granted[#granted + 1] = give(id, ask.host)
  else return false end
  return true
end

local may_lend = tonumber(call('ZSCORE', key('lenders'), ask.host) or 0) > now
if may_lend and now >= since + ask.quietMs then
  for _, id in ipairs(ask.ids) do
    if #granted == ask.count then break end
    claim(id)
  end
  for _, wanted in ipairs(ask.wanted) do
    if not claim(wanted.id) then
      publish(cjson.encode({ kind = 'want', host = ask.host, id = wanted.id, sessions = wanted.sessions }))
    end
  end
end
return cjson.encode({ now = now, granted = granted })
`

/**
 * ask: host, given: id, number by which the host owns it, handed, and \`to\` where another host has asked for it. A second time
 * nothing changes.
 */
const GIVE = `
followed_since()
for _, given in ipairs(ask.given) do
  local number, owner = owner_of(given.id)
  if number < given.number or number == given.number and owner == ask.host then
    if given.handed then call('HSET', key('handed'), given.id, given.handed) end
    local to = given.to
    if to ~= '' and tonumber(call('ZSCORE', key('lenders'), to) or 0) <= now then to = '' end
    if tonumber(call('GET', key('seq')) or 0) < given.number then call('SET', key('seq'), ms(given.number)) end
    give(given.id, to)
  end
end
return cjson.encode({ now = now })
`

/** ask: host, owners: id, number, owner, handed: what a host knows, after a failover that may have lost it. */
const ASSERT_OWNERS = `
followed_since()
for _, known in ipairs(ask.owners) do
  if owner_of(known.id) < known.number then
    call('HSET', key('owners'), known.id, ms(known.number) .. ' ' .. known.owner)
    if known.handed then call('HSET', key('handed'), known.id, known.handed) end
    if tonumber(call('GET', key('seq')) or 0) < known.number then call('SET', key('seq'), ms(known.number)) end
  end
end
return cjson.encode({ now = now })
`

export const claimScript: Script = script('claim', EVENTS, OWNERS, CLAIM)
export const giveScript: Script = script('give', EVENTS, OWNERS, GIVE)
export const assertOwnersScript: Script = script('assert-owners', EVENTS, OWNERS, ASSERT_OWNERS)
