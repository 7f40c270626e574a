/** Parts of the account scripts: orders with their channels, and what a host sees of the books. Needs account-limits.ts before it. */

export const ORDERS = `
local function channel_of(id, number) return 'order ' .. id .. ' ' .. ms(number) end

local function channels_booked(account)
  call('ZREMRANGEBYSCORE', key('channels', account), '-inf', ms(now))
  return call('ZCARD', key('channels', account))
end

local function hold(account, holders)
  for _, holder in ipairs(holders) do
    call('ZADD', key('channels', account), holder.endsAt and ms(holder.endsAt) or 'inf', holder.id)
    if holder.pendingFor then call('HSET', key('pending', account), holder.id, holder.pendingFor) end
  end
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
export const VIEW = `
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
