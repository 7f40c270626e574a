/**
 * The scripts behind `RedisAccountStore`. Keys, each after the prefix of the cluster:
 *
 *     server             hash    the server's replication id, and since when it is followed (`followed_since`)
 *     lead               hash    token, host and end of the planner's lease (membership-scripts.ts)
 *     order:ID           hash    one order, until it is settled or resolved
 *     withdrawn:ID       string  an order that was given up without an answer; its reservation may come late
 *     open               zset    orders under way -> when they must have been settled
 *     unknown:PROVIDER   zset    orders without a usable reply -> when they were reserved
 *     flying:WINDOW      zset    calls under way
 *     ended:WINDOW       zset    calls that still count -> when they stop to
 *     refused:WINDOW     zset    those of them that the vendor refused because of their number
 *     stated:WINDOW      hash    who states the limit -> "calls perMs"; the smallest holds
 *     assumed:WINDOW     hash    what the vendor enforces in place of that (ratelimit/sliding-window.ts)
 *     hour:P day:P       zset    seconds in which something was bought -> the latest instant of each
 *     bought:PROVIDER    hash    second -> addresses bought in it
 *     budget:PROVIDER    hash    sums: hour, day, total
 *     net:PROVIDER       hash    host -> addresses that it has booked and not given back, ever
 *     count:PROVIDER     hash    addresses of its orders: reserved, unknown
 *     reserved           hash    ceiling -> addresses reserved under it
 *     channels:ACCOUNT   zset    what occupies a channel -> its end
 *     pending:ACCOUNT    hash    lines of them that have no address so far -> the provider
 */
import { BUDGET, WINDOW } from './account-limits.ts'
import { ORDERS, VIEW } from './account-orders.ts'
import { LATEST_MESSAGE_MS, type Script, script } from './script.ts'

/** ask: id, host, token, settleMs, lifeMs, and the fields of `Reservation`. */
const RESERVE = `
local window, provider, count = ask.window.key, ask.provider, ask.count
local account = ask.channels and ask.channels.account or ''

local function answer(fields)
  fields.view = view({ window }, { provider }, { account })
  return cjson.encode(fields)
end

local function deny(by, at) return answer({ kind = 'denied', by = by, at = at }) end

local since = followed_since()
reap()
if call('EXISTS', key('withdrawn', ask.id)) == 1 then return deny('window') end
call('HSET', key('stated', window), ask.window.statedBy or '', ms(ask.window.calls) .. ' ' .. ms(ask.window.perMs))
call('PEXPIRE', key('stated', window), DAY_MS)
if count > 0 and call('HGET', key('lead'), 'token') ~= ask.token then return deny('planner') end

local calls, per = allowed(window)
local quiet = since + per + MARGIN_MS + ABORT_SLACK_MS + ask.settleMs
if now < quiet then return deny('failover', quiet) end
local flying = call('ZCARD', key('flying', window))
local surplus = used(window) - calls
if surplus >= 0 or flying >= MAX_IN_FLIGHT then
  local next = flying < MAX_IN_FLIGHT and call('ZRANGE', key('ended', window), surplus, surplus, 'WITHSCORES')[2]
  return deny('window', next and tonumber(next))
end
if count > 0 then
  local is_reached, at = budget_reached(provider, count, ask.budget)
  if is_reached then return deny('budget', at) end
  if account ~= '' and channels_booked(account) + count > ask.channels.total then
    local first = call('ZRANGE', key('channels', account), 0, 0, 'WITHSCORES')[2]
    return deny('channels', first ~= 'inf' and tonumber(first) or nil)
  end
  for _, ceiling in ipairs(ask.ceilings) do
    if ceiling.held + number_of(key('reserved'), ceiling.scope) + count > ceiling.limit then return deny('ceiling') end
  end
end

local scopes, settle_by = {}, now + ask.settleMs
for i, ceiling in ipairs(ask.ceilings) do scopes[i] = ceiling.scope end
local order = { state = 'reserved', window = window, perMs = ms(per), provider = provider, count = ms(count), account = account,
  scopes = cjson.encode(scopes), at = ms(now), settleBy = ms(settle_by), lifeMs = ms(ask.lifeMs) }
order.second = count > 0 and book(provider, count, ask.host) or ''
for field, value in pairs(order) do call('HSET', key('order', ask.id), field, value) end
call('ZADD', key('open'), ms(settle_by), ask.id)
call('ZADD', key('flying', window), ms(settle_by), ask.id)
if count > 0 then
  add(key('count', provider), 'reserved', count)
  for _, scope in ipairs(scopes) do add(key('reserved'), scope, count) end
  hold_channels(order, ask.id, 'inf')
end
return answer({ kind = 'reserved' })
`

/**
 * ask: id, host, outcome (with `channelsUntil` on the server's clock), hold: as in CHANNELS, for the account of the order. A second time
 * nothing changes.
 */
const SETTLE = `
followed_since()
local order = record(key('order', ask.id))
if not order.state and ask.outcome.kind == 'not-sent' then
  call('SET', key('withdrawn', ask.id), '1', 'PX', '${LATEST_MESSAGE_MS}')
end
if order.state == 'reserved' or order.state == 'lost' then
  hold(order.account, ask.hold)
  local outcome, count = ask.outcome, tonumber(order.count)
  end_call(order, ask.id, outcome)
  if outcome.kind == 'unknown' and count > 0 then
    forget_old(order.provider)
    become_unknown(order, ask.id, 'unknown', outcome.channelsUntil)
  else
    local sold = outcome.kind == 'sold' and outcome.count or 0
    if count > 0 then
      leave(order, ask.id)
      if count ~= sold then refund(order.provider, order.second, count - sold, ask.host) end
    else call('ZREM', key('open'), ask.id) end
    drop(order, ask.id)
  end
end
return cjson.encode({ view = view({ order.window or '' }, { order.provider or '' }, { order.account or '' }) })
`

/** ask: provider, sold, before (on the server's clock), host. */
const RESOLVE = `
followed_since()
local left, accounts = ask.sold, {}
for _, id in ipairs(call('ZRANGEBYSCORE', key('unknown', ask.provider), '-inf', '(' .. ms(ask.before))) do
  local order = record(key('order', id))
  if order.count then
    local count = tonumber(order.count)
    local sold = math.min(left, count)
    left = left - sold
    leave(order, id)
    if count > sold then refund(ask.provider, order.second, count - sold, ask.host) end
    drop(order, id)
    accounts[1] = order.account
  end
  call('ZREM', key('unknown', ask.provider), id)
end
return cjson.encode({ view = view({}, { ask.provider }, accounts) })
`

/** ask: account, hold (id, end, no end means endless, and the provider of a line without an address yet), free (ids). */
const CHANNELS = `
followed_since()
hold(ask.account, ask.hold)
for _, id in ipairs(ask.free) do
  call('ZREM', key('channels', ask.account), id)
  call('HDEL', key('pending', ask.account), id)
end
return cjson.encode({ view = view({}, {}, { ask.account }) })
`

/** ask: windows. Hosts where a provider is still configured state its limit again with their next call. */
const FORGET_LIMITS = `
followed_since()
local keys = {}
for i, window in ipairs(ask.windows) do
  keys[i] = window.key
  call('HDEL', key('stated', window.key), window.statedBy or '')
end
return cjson.encode({ view = view(keys, {}, {}) })
`

/** ask: windows, providers, accounts, and `net` (provider -> what this host has booked in all), host. */
const REFRESH = `
followed_since()
reap()
for provider, net in pairs(ask.net) do
  local missing = net - number_of(key('net', provider), ask.host)
  if missing > 0 then book(provider, missing, ask.host) end
end
return cjson.encode({ view = view(ask.windows, ask.providers, ask.accounts) })
`

const books = [WINDOW, BUDGET, ORDERS, VIEW]

export const reserveScript: Script = script('reserve', ...books, RESERVE)
export const settleScript: Script = script('settle', ...books, SETTLE)
export const resolveScript: Script = script('resolve', ...books, RESOLVE)
export const channelsScript: Script = script('channels', ...books, CHANNELS)
export const forgetLimitsScript: Script = script('forget-limits', ...books, FORGET_LIMITS)
/** Also books again what a failover has lost of this host's bookings. */
export const refreshScript: Script = script('refresh', ...books, REFRESH)
