/**
 * How scripts are written and run. A script is one transaction on the server: it receives one JSON object (`ask`), returns one,
 * and accesses only keys that begin with `KEYS[1]`, which contains the hash tag: all keys of a cluster are in one slot.
 */

export interface Script {
  readonly name: string
  readonly lua: string
}

/** Runs scripts on the server. */
export interface ScriptRunner {
  /**
   * @returns the result of the script
   * @throws {StoreError} without an answer: whether the script has run is then unknown
   */
  run(script: Script, ask: object): Promise<unknown>
}

/** A message of a connection that was given up may arrive so long after the one that repeats it or takes it back, ms. */
export const LATEST_MESSAGE_MS = 3_600_000

/**
 * Runs before each script. `now` is the server's own time in ms: hosts never compare their clocks.
 *
 *     key(kind, name)    the name of a key
 *     ms(number)         a whole number as text: Lua would write a large one with an exponent, and -0 as -0
 *     record(key)        a hash as a table
 */
const PRELUDE = `
local ask = cjson.decode(ARGV[1])
local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000.0 + math.floor(time[2] / 1000)

local function key(kind, name)
  if name then return KEYS[1] .. ':' .. kind .. ':' .. name end
  return KEYS[1] .. ':' .. kind
end

local function ms(number) return string.format('%.0f', number + 0) end

local function record(name)
  local flat, fields = call('HGETALL', name), {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

local function number_of(name, field) return tonumber(call('HGET', name, field) or 0) end

-- Since when this server holds all that was written: a replica that took over may lack what its master acknowledged.
local function followed_since()
  local id = string.match(call('INFO', 'replication'), 'master_replid:(%x+)')
  local known = record(key('server'))
  if known.replid == id then return tonumber(known.since) end
  call('HSET', key('server'), 'replid', id, 'since', ms(now))
  return now
end

-- Adds to a number of a hash that never falls below zero: after a failover there may be less than what is taken away.
local function add(name, field, count)
  if call('HINCRBY', name, field, ms(count)) < 0 then call('HSET', name, field, 0) end
end
`

export function script(name: string, ...parts: readonly string[]): Script {
  return { name, lua: [PRELUDE, ...parts].join('\n') }
}
