/**
 * The scripts behind `RedisAccountStore`. Keys, each after the prefix of the cluster:
 *
 *     server             hash    the server's replication id, and since when it is followed (`followed_since`)
 *     lead               hash    token, host and end of the planner's lease (membership-scripts.ts)
 *     order:ID           hash    one order, until it is settled or resolved
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
import { type Script, script } from './script.ts'

/** As in ratelimit/sliding-window.ts. */
const WINDOW = `
local MARGIN_MS, ABORT_SLACK_MS, MAX_IN_FLIGHT = 5, 1000, 16

local function limit_of(window)
  local calls, per
  for _, text in pairs(record(key('stated', window))) do
    local c, p = string.match(text, '^(%S+) (%S+)$')
    c, p = tonumber(c), tonumber(p)
    if not calls or c / p < calls / per then calls, per = c, p end
  end
  return calls, per
end

-- Nil where this server has not heard of the window. The smaller limit that the vendor enforces is tried upwards when it has refused
-- nothing for long enough.
local function allowed(window)
  local calls, per = limit_of(window)
  if not calls then return end
  local assumed = record(key('assumed', window))
  if not assumed.calls then return calls, per end
  local least = tonumber(assumed.calls)
  if now >= tonumber(assumed.probeAt) then
    least = least + assumed.step
    if least >= calls then
      call('DEL', key('assumed', window))
      return calls, per
    end
    call('HSET', key('assumed', window), 'calls', ms(least), 'step', ms(assumed.step * 2),
      'probeAt', ms(now + assumed.windows * per))
  end
  return math.min(calls, least), per
end

local function prune(window)
  call('ZREMRANGEBYSCORE', key('ended', window), '-inf', ms(now))
  call('ZREMRANGEBYSCORE', key('refused', window), '-inf', ms(now))
end

local function used(window)
  prune(window)
  return call('ZCARD', key('flying', window)) + call('ZCARD', key('ended', window))
end

local function accepted(window)
  return call('ZCARD', key('ended', window)) - call('ZCARD', key('refused', window))
end

-- The call counts until then and stays in no other set.
local function count_until(window, id, at)
  call('ZREM', key('flying', window), id)
  call('ZADD', key('ended', window), ms(at), id)
end

local function learn_refusal(window, id, per)
  prune(window)
  local before = accepted(window)
  count_until(window, id, now + per + MARGIN_MS)
  call('ZADD', key('refused', window), ms(now + per + MARGIN_MS), id)
  if before < 1 then return end
  local known = record(key('assumed', window))
  local windows = tonumber(known.windows or 2)
  if tonumber(known.step or 1) > 1 then windows = math.min(32, windows * 2) end
  call('HSET', key('assumed', window), 'calls', ms(before), 'step', 1, 'windows', ms(windows),
    'probeAt', ms(now + windows * per))
end

local function end_call(order, id, outcome)
  local window, per = order.window, tonumber(order.perMs)
  if outcome.kind == 'not-sent' then
    call('ZREM', key('flying', window), id)
    call('ZREM', key('ended', window), id)
  elseif outcome.kind == 'refused' and outcome.isTooMany then
    learn_refusal(window, id, per)
  else
    local slack = outcome.kind == 'unknown' and ABORT_SLACK_MS or 0
    count_until(window, id, now + per + MARGIN_MS + slack)
    prune(window)
    local assumed = tonumber(call('HGET', key('assumed', window), 'calls') or 0)
    if assumed > 0 and accepted(window) > assumed then call('HSET', key('assumed', window), 'calls', ms(accepted(window))) end
  end
end
`

const BUDGET = `
local HOUR_MS, DAY_MS = 3600000, 86400000

local function age(provider)
  for _, span in ipairs({ { 'hour', HOUR_MS }, { 'day', DAY_MS } }) do
    local name, past = span[1], ms(now - span[2])
    for _, second in ipairs(call('ZRANGEBYSCORE', key(name, provider), '-inf', past)) do
      add(key('budget', provider), name, -number_of(key('bought', provider), second))
      if name == 'day' then call('HDEL', key('bought', provider), second) end
    end
    call('ZREMRANGEBYSCORE', key(name, provider), '-inf', past)
  end
end

-- @returns the second under which it is booked
local function book(provider, count, host)
  age(provider)
  local second = ms(math.floor(now / 1000))
  for _, name in ipairs({ 'hour', 'day' }) do
    call('ZADD', key(name, provider), ms(now), second)
    add(key('budget', provider), name, count)
  end
  add(key('budget', provider), 'total', count)
  call('HINCRBY', key('bought', provider), second, ms(count))
  call('HINCRBY', key('net', provider), host, ms(count))
  return second
end

local function refund(provider, second, count, host)
  age(provider)
  for _, name in ipairs({ 'hour', 'day' }) do
    if call('ZSCORE', key(name, provider), second) then add(key('budget', provider), name, -count) end
  end
  add(key('budget', provider), 'total', -count)
  if call('HEXISTS', key('bought', provider), second) == 1 then add(key('bought', provider), second, -count) end
  call('HINCRBY', key('net', provider), host, ms(-count))
end

-- When so much of what was bought in the span has left it; nil when the limit itself is too small.
local function room_at(provider, name, length, excess)
  for _, second in ipairs(call('ZRANGE', key(name, provider), 0, 999)) do
    excess = excess - number_of(key('bought', provider), second)
    if excess <= 0 then return tonumber(call('ZSCORE', key(name, provider), second)) + length end
  end
end

-- @returns whether there is no room, and until when
local function budget_reached(provider, count, limits)
  age(provider)
  local sums = key('budget', provider)
  if limits.total and number_of(sums, 'total') + count > limits.total then return true end
  for _, span in ipairs({ { 'day', DAY_MS, limits.perDay }, { 'hour', HOUR_MS, limits.perHour } }) do
    if span[3] then
      local excess = number_of(sums, span[1]) + count - span[3]
      if excess > 0 then return true, room_at(provider, span[1], span[2], excess) end
    end
  end
  return false
end
`

const ORDERS = `
local function channel_of(id, number) return 'order ' .. id .. ' ' .. ms(number) end

local function channels_booked(account)
  call('ZREMRANGEBYSCORE', key('channels', account), '-inf', ms(now))
  return call('ZCARD', key('channels', account))
end

local function hold_channels(order, id, until_text)
  if order.account == '' then return end
  for number = 1, tonumber(order.count) do call('ZADD', key('channels', order.account), until_text, channel_of(id, number)) end
end

local function free_channels(order, id)
  if order.account == '' then return end
  for number = 1, tonumber(order.count) do call('ZREM', key('channels', order.account), channel_of(id, number)) end
end

-- It is under way no more: what was reserved for it is not, and may be booked in another way.
local function leave(order, id)
  call('ZREM', key('open'), id)
  if order.state ~= 'reserved' then
    add(key('count', order.provider), 'unknown', -order.count)
    call('ZREM', key('unknown', order.provider), id)
    return
  end
  add(key('count', order.provider), 'reserved', -order.count)
  for _, scope in ipairs(cjson.decode(order.scopes)) do add(key('reserved'), scope, -order.count) end
end

local function drop(order, id)
  free_channels(order, id)
  call('DEL', key('order', id))
end

-- The request may have arrived: all stays booked. State 'lost': its host has not said so, and may yet tell what became of it.
local function become_unknown(order, id, state, channels_until)
  leave(order, id)
  call('HSET', key('order', id), 'state', state)
  add(key('count', order.provider), 'unknown', order.count)
  call('ZADD', key('unknown', order.provider), order.at, id)
  hold_channels(order, id, ms(channels_until))
end

-- After a day no budget but the total counts it, and no vendor lists it.
local function forget_old(provider)
  for _, id in ipairs(call('ZRANGEBYSCORE', key('unknown', provider), '-inf', ms(now - DAY_MS))) do
    local order = record(key('order', id))
    order.provider, order.state = provider, order.state or 'unknown'
    if order.count then leave(order, id) end
    call('ZREM', key('unknown', provider), id)
    call('DEL', key('order', id))
  end
end

-- Its host has not settled it in time: it is dead, paused or cut off. Its request cannot leave any more.
local function lose(id)
  local order = record(key('order', id))
  call('ZREM', key('open'), id)
  if not order.state then return end
  count_until(order.window, id, order.settleBy + order.perMs + MARGIN_MS)
  if tonumber(order.count) == 0 then return drop(order, id) end
  become_unknown(order, id, 'lost', order.settleBy + order.lifeMs)
end

local function reap()
  for _, id in ipairs(call('ZRANGEBYSCORE', key('open'), '-inf', ms(now))) do lose(id) end
end
`

/** What `AccountMirror` shows; `first` is the beginning of a list, for what time alone changes. */
const VIEW = `
local FIRST = 32

local function ends(name)
  local flat, list = call('ZRANGE', name, 0, FIRST - 1, 'WITHSCORES'), {}
  for i = 2, #flat, 2 do list[#list + 1] = flat[i] ~= 'inf' and tonumber(flat[i]) or nil end
  return { total = call('ZCARD', name), first = list }
end

local function purchases(provider, name)
  local flat, list = call('ZRANGE', key(name, provider), 0, FIRST - 1, 'WITHSCORES'), {}
  for i = 1, #flat, 2 do
    list[#list + 1] = { at = tonumber(flat[i + 1]), count = number_of(key('bought', provider), flat[i]) }
  end
  return { total = number_of(key('budget', provider), name), first = list }
end

local function pending_lines(account)
  local lines = record(key('pending', account))
  for id in pairs(lines) do
    if not call('ZSCORE', key('channels', account), id) then
      call('HDEL', key('pending', account), id)
      lines[id] = nil
    end
  end
  return lines
end

local function view(windows, providers, accounts)
  local seen = { now = now, since = number_of(key('server'), 'since'), windows = {}, providers = {}, channels = {}, pending = {} }
  for _, window in ipairs(windows) do
    if window ~= '' then
      local calls, per = allowed(window)
      prune(window)
      seen.windows[window] = { calls = calls, perMs = per, flying = call('ZCARD', key('flying', window)),
        ended = ends(key('ended', window)) }
    end
  end
  for _, provider in ipairs(providers) do
    if provider ~= '' then
      age(provider)
      seen.providers[provider] = { hour = purchases(provider, 'hour'), day = purchases(provider, 'day'),
        total = number_of(key('budget', provider), 'total'), reserved = number_of(key('count', provider), 'reserved'),
        unknown = number_of(key('count', provider), 'unknown'), net = number_of(key('net', provider), ask.host) }
    end
  end
  for _, account in ipairs(accounts) do
    if account ~= '' then
      channels_booked(account)
      seen.channels[account] = ends(key('channels', account))
      seen.pending[account] = pending_lines(account)
    end
  end
  return seen
end
`

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

/** ask: id, host, outcome (with `channelsUntil` on the server's clock). A second time nothing changes. */
const SETTLE = `
followed_since()
local order = record(key('order', ask.id))
if order.state == 'reserved' or order.state == 'lost' then
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

/** ask: account, hold (id, end, no end for ever, and the provider of a line that has no address so far), free (ids). */
const CHANNELS = `
followed_since()
for _, holder in ipairs(ask.hold) do
  call('ZADD', key('channels', ask.account), holder.endsAt and ms(holder.endsAt) or 'inf', holder.id)
  if holder.pendingFor then call('HSET', key('pending', ask.account), holder.id, holder.pendingFor) end
end
for _, id in ipairs(ask.free) do
  call('ZREM', key('channels', ask.account), id)
  call('HDEL', key('pending', ask.account), id)
end
return cjson.encode({ view = view({}, {}, { ask.account }) })
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
/** Also books anew what a failover has lost of this host's bookings. */
export const refreshScript: Script = script('refresh', ...books, REFRESH)
