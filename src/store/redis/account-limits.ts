/** Parts of the account scripts: the windows of calls, and the budgets. Their keys are listed in account-scripts.ts. */

import { ABORT_SLACK_MS, MARGIN_MS, MAX_IN_FLIGHT } from '../../ratelimit/sliding-window.ts'

export const WINDOW = `
local MARGIN_MS, ABORT_SLACK_MS, MAX_IN_FLIGHT = ${MARGIN_MS}, ${ABORT_SLACK_MS}, ${MAX_IN_FLIGHT}

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

export const BUDGET = `
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

-- @returns whether there is no room, and until when; nil: no time is known
local function budget_reached(provider, count, limits)
  age(provider)
  local sums, is_reached, latest = key('budget', provider), false, 0
  if limits.total and number_of(sums, 'total') + count > limits.total then return true end
  for _, span in ipairs({ { 'day', DAY_MS, limits.perDay }, { 'hour', HOUR_MS, limits.perHour } }) do
    if span[3] then
      local excess = number_of(sums, span[1]) + count - span[3]
      if excess > 0 then
        local at = room_at(provider, span[1], span[2], excess)
        if not at then return true end
        is_reached, latest = true, math.max(latest, at)
      end
    end
  end
  if is_reached then return true, latest end
  return false
end
`
