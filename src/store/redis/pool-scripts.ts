/**
 * The scripts by which the hosts of a cluster share what they bought, and their sessions. Keys:
 *
 *     pool           hash      address -> what is known of it, sealed
 *     done           hash      addresses that the pools have let go of, and that the vendor still holds -> why
 *     ends           zset      address -> when the vendor ends it
 *     session:KEY    string    the address that the session lives on
 *     told:BATCH     string    a purchase that was added; its message may come again, and late
 *     choosing:KEY   string    the host that chooses an address for the session
 */
import { EVENTS } from './membership-scripts.ts'
import { LATEST_MESSAGE_MS, type Script, script } from './script.ts'

const FORGET = `
local function forget(id)
  call('HDEL', key('pool'), id)
  call('HDEL', key('done'), id)
  call('ZREM', key('ends'), id)
  call('HDEL', key('owners'), id)
  call('HDEL', key('handed'), id)
end
`

/**
 * ask: host; add (id, entry, and endsAt where it ends); batch: the name of this purchase, which is added once; isKnown: they are added
 * where a failover has lost them, and not sold again;
 * gone (id, reason); tell: further events, as JSON.
 */
const PUBLISH = `
for _, id in ipairs(call('ZRANGEBYSCORE', key('ends'), '-inf', ms(now), 'LIMIT', 0, 100)) do forget(id) end
local added_before = ask.batch and call('EXISTS', key('told', ask.batch)) == 1
if ask.batch then call('SET', key('told', ask.batch), '1', 'PX', '${LATEST_MESSAGE_MS}') end
for _, added in ipairs(added_before and {} or ask.add) do
  if not ask.isKnown or call('HEXISTS', key('pool'), added.id) == 0 then
    call('HSET', key('pool'), added.id, added.entry)
    call('HDEL', key('done'), added.id)
    call('ZADD', key('ends'), added.endsAt and ms(added.endsAt) or 'inf', added.id)
    publish(cjson.encode({ kind = 'add', host = ask.host, id = added.id, entry = added.entry, isKnown = ask.isKnown }))
  end
end
for _, gone in ipairs(ask.gone) do
  if gone.reason == 'released' then forget(gone.id)
  elseif call('HEXISTS', key('pool'), gone.id) == 1 then call('HSET', key('done'), gone.id, gone.reason) end
  publish(cjson.encode({ kind = 'gone', host = ask.host, id = gone.id, reason = gone.reason }))
end
for _, event in ipairs(ask.tell) do publish(event) end
return cjson.encode({ now = now })
`

/** ask: cursor. One page of everything; changes meanwhile come as events behind the first page's \`last\`. */
const SNAPSHOT = `
local page, entries = call('HSCAN', key('pool'), ask.cursor, 'COUNT', 500), {}
for i = 1, #page[2], 2 do
  local id = page[2][i]
  entries[#entries + 1] = { id = id, entry = page[2][i + 1], done = call('HGET', key('done'), id) or nil,
    owner = call('HGET', key('owners'), id) or nil, handed = call('HGET', key('handed'), id) or nil }
end
return cjson.encode({ now = now, cursor = page[1], entries = entries, last = tonumber(call('GET', key('seq')) or 0) })
`

/**
 * ask: session, host, pendingMs, idleMs, left: the address that it cannot use any more. The first host that asks for a session without
 * an address may choose one.
 */
const FIND_SESSION = `
local name = key('session', ask.session)
local known = call('GET', name)
if known and known ~= ask.left then
  call('PEXPIRE', name, ms(ask.idleMs))
  return cjson.encode({ kind = 'known', id = known })
end
local choosing = key('choosing', ask.session)
local host = call('GET', choosing)
if host and host ~= ask.host then return cjson.encode({ kind = 'busy' }) end
call('SET', choosing, ask.host, 'PX', ms(ask.pendingMs))
return cjson.encode({ kind = 'free' })
`

/** ask: host, idleMs, bind (session, id), used (sessions). All hosts are informed of a session that moves. */
const SESSIONS = `
for _, bound in ipairs(ask.bind) do
  local name = key('session', bound.session)
  local known = call('GET', name)
  call('SET', name, bound.id, 'PX', ms(ask.idleMs))
  call('DEL', key('choosing', bound.session))
  if known and known ~= bound.id then
    publish(cjson.encode({ kind = 'session', host = ask.host, session = bound.session, id = bound.id }))
  end
end
for _, session in ipairs(ask.used) do call('PEXPIRE', key('session', session), ms(ask.idleMs)) end
return cjson.encode({ now = now })
`

export const publishScript: Script = script('publish', EVENTS, FORGET, PUBLISH)
export const snapshotScript: Script = script('snapshot', SNAPSHOT)
export const findSessionScript: Script = script('find-session', FIND_SESSION)
export const sessionsScript: Script = script('sessions', EVENTS, SESSIONS)
