/** The commands of Redis that the scripts use, on plain maps. What is not here throws: a script that needs it says so. */

type Hash = Map<string, string>
type SortedSet = Map<string, number>
interface Value {
  readonly hash?: Hash
  readonly sorted?: SortedSet
  readonly text?: { value: string }
  expiresAt?: number
}
export type Keyspace = Map<string, Value>

type Command = (data: Keyspace, key: string, ...args: string[]) => unknown

const textOf = (data: Keyspace, key: string) => keyValue(data, key, { text: { value: '' } }).text as { value: string }
const hashOf = (data: Keyspace, key: string): Hash => keyValue(data, key, { hash: new Map() }).hash as Hash
const sortedOf = (data: Keyspace, key: string): SortedSet =>
  keyValue(data, key, { sorted: new Map() }).sorted as SortedSet

function keyValue(data: Keyspace, key: string, empty: Value): Value {
  const known = data.get(key)
  if (known === undefined) {
    data.set(key, empty)
    return empty
  }
  if (Object.keys(empty).some((kind) => !(kind in known))) throw new Error(`WRONGTYPE ${key}`)
  return known
}

const inOrder = (entries: Iterable<[string, number]>) =>
  [...entries].sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1))
const scoreText = (score: number) => (Number.isFinite(score) ? String(score) : score > 0 ? 'inf' : '-inf')

function bound(text: string): { at: number; isOpen: boolean } {
  const isOpen = text.startsWith('(')
  const plain = isOpen ? text.slice(1) : text
  const at =
    plain === '-inf' ? Number.NEGATIVE_INFINITY : /^\+?inf$/.test(plain) ? Number.POSITIVE_INFINITY : Number(plain)
  if (Number.isNaN(at)) throw new Error(`not a float: ${text}`)
  return { at, isOpen }
}

function between(set: SortedSet, from: string, to: string): [string, number][] {
  const [low, high] = [bound(from), bound(to)]
  return inOrder(
    [...set].filter(
      ([, score]) =>
        (low.isOpen ? score > low.at : score >= low.at) && (high.isOpen ? score < high.at : score <= high.at),
    ),
  )
}

function integer(text: string): number {
  if (!/^(0|-?[1-9]\d*)$/.test(text)) throw new Error(`not an integer: ${text}`)
  return Number(text)
}

const withScores = (entries: [string, number][], wants: boolean) =>
  wants ? entries.flatMap(([member, score]) => [member, scoreText(score)]) : entries.map(([member]) => member)

const commands: Readonly<Record<string, Command>> = {
  GET: (data, key) => textOf(data, key).value || null,
  SET: (data, key, value = '') => {
    data.set(key, { text: { value } })
    return 'OK'
  },
  INCR: (data, key) => {
    const text = textOf(data, key)
    text.value = String(integer(text.value || '0') + 1)
    return Number(text.value)
  },
  DEL: (data, key) => Number(data.delete(key)),
  EXISTS: (data, key) => Number(data.has(key)),
  HGETALL: (data, key) => [...hashOf(data, key)].flat(),
  HGET: (data, key, field = '') => hashOf(data, key).get(field) ?? null,
  HEXISTS: (data, key, field = '') => Number(hashOf(data, key).has(field)),
  /** All of it on one page. */
  HSCAN: (data, key) => ['0', [...hashOf(data, key)].flat()],
  HLEN: (data, key) => hashOf(data, key).size,
  HDEL: (data, key, ...fields) => fields.filter((field) => hashOf(data, key).delete(field)).length,
  HSET: (data, key, ...pairs) => {
    const hash = hashOf(data, key)
    for (let at = 0; at < pairs.length; at += 2) hash.set(pairs[at] ?? '', pairs[at + 1] ?? '')
    return pairs.length / 2
  },
  HINCRBY: (data, key, field = '', by = '') => {
    const sum = integer(hashOf(data, key).get(field) ?? '0') + integer(by)
    hashOf(data, key).set(field, String(sum))
    return sum
  },
  ZADD: (data, key, ...args) => {
    const set = sortedOf(data, key)
    for (let at = 0; at < args.length; at += 2) set.set(args[at + 1] ?? '', bound(args[at] ?? '').at)
    return 0
  },
  ZREM: (data, key, ...members) => members.filter((member) => sortedOf(data, key).delete(member)).length,
  ZCARD: (data, key) => sortedOf(data, key).size,
  ZSCORE: (data, key, member = '') => {
    const score = sortedOf(data, key).get(member)
    return score === undefined ? null : scoreText(score)
  },
  ZRANGE: (data, key, from = '', to = '', scores = '') => {
    const all = inOrder(sortedOf(data, key))
    const end = integer(to) < 0 ? all.length + integer(to) : integer(to)
    return withScores(all.slice(integer(from), end + 1), scores === 'WITHSCORES')
  },
  ZRANGEBYSCORE: (data, key, from = '', to = '', limit = '', offset = '0', count = '-1') => {
    const found = between(sortedOf(data, key), from, to)
    if (limit !== 'LIMIT') return withScores(found, false)
    return withScores(found.slice(integer(offset), integer(offset) + integer(count)), false)
  },
  ZREMRANGEBYRANK: (data, key, from = '', to = '') => {
    const set = sortedOf(data, key)
    const end = integer(to) < 0 ? set.size + integer(to) : integer(to)
    const gone = end < integer(from) ? [] : inOrder(set).slice(integer(from), end + 1)
    for (const [member] of gone) sortedOf(data, key).delete(member)
    return gone.length
  },
  ZREMRANGEBYSCORE: (data, key, from = '', to = '') => {
    const gone = between(sortedOf(data, key), from, to)
    for (const [member] of gone) sortedOf(data, key).delete(member)
    return gone.length
  },
}

/** What a replica would hold that has caught up. */
export function copyOf(data: Keyspace): Keyspace {
  const copy: Keyspace = new Map()
  for (const [key, { hash, sorted, text, expiresAt }] of data)
    copy.set(key, {
      ...(hash && { hash: new Map(hash) }),
      ...(sorted && { sorted: new Map(sorted) }),
      ...(text && { text: { ...text } }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })
  return copy
}

export function runCommand(data: Keyspace, [name = '', key = '', ...args]: readonly string[], now: number): unknown {
  const known = data.get(key)
  if (known?.expiresAt !== undefined && known.expiresAt <= now) data.delete(key)
  if (name === 'PEXPIRE') {
    const value = data.get(key)
    if (value !== undefined) value.expiresAt = now + integer(args[0] ?? '')
    return Number(value !== undefined)
  }
  const command = commands[name]
  if (command === undefined) throw new Error(`the test's Redis has no ${name}`)
  const answer = command(data, key, ...args)
  const [, option, ms] = args
  const written = data.get(key)
  if (name === 'SET' && option === 'PX' && written !== undefined) written.expiresAt = now + integer(ms ?? '')
  return answer
}
