/**
 * Resolves names for everything that the gateway connects to by name: upstreams, vendors' APIs, fetched links.
 *
 * Names are resolved over DNS by c-ares (`dns.Resolver`), not by the system's `getaddrinfo`: that one blocks a thread of the
 * pool of four which files, compression and all other look-ups of the process share, as long as a name server does not answer
 * (5 to 40 s), and it cannot be cancelled. Two dozen such names of one vendor would block every look-up. With c-ares, a silent
 * name server occupies only a socket. What c-ares lacks is added here: the hosts file, and `localhost` (RFC 6761 section 6.3).
 * Names that only the system can resolve (mDNS, search domains, per-domain resolvers of a VPN) have a DNS answer that they do
 * not exist: only those go to `getaddrinfo`, two at a time. A name without a DNS answer never does.
 *
 * Each name is looked up once at a time (per group), an answer is cached for 30 s and a failure for 5 s, and a group of names
 * (a provider) has a limited number of look-ups in progress: its unanswered names delay only its own look-ups.
 */
import { ADDRCONFIG, lookup as dnsLookup, type LookupAddress, Resolver } from 'node:dns'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { FairTaskQueue } from '../structures/fair-task-queue.ts'
import type { HostsFile } from './hosts-file.ts'

/** A resolver costs more than the rest of a dial together. */
const ANSWER_TTL_MS = 30_000
/** Short enough that a new name works soon, long enough that clients do not wait again for the same failure. */
const FAILURE_TTL_MS = 5_000
const MAX_NAMES = 1_000
/** For one look-up, all tries together. */
const LOOKUP_TIMEOUT_MS = 5_000
/** For one query to one name server; c-ares doubles it for the next try. */
const QUERY_TIMEOUT_MS = 1_500
const QUERY_TRIES = 2
/** After an answer for one address family, the longest wait for the other family (RFC 8305 section 3). */
const RESOLUTION_DELAY_MS = 50

const DNS_PLACES = { total: 32, perGroup: 4 }
/** Half of libuv's threads. */
const SYSTEM_PLACES = { total: 2, perGroup: 1 }

type Answer = { readonly addresses: readonly LookupAddress[] } | { readonly error: NodeJS.ErrnoException }
type Answered = (answer: Answer) => void

/** The functions of the system; tests replace them. */
export interface ResolverSource {
  /** A resolver for one look-up: it reads the DNS configuration of this machine again, which changes with the network. */
  readonly channel: () => Pick<Resolver, 'resolve4' | 'resolve6' | 'cancel'>
  readonly system: (
    name: string,
    answered: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
  ) => void
}

const outside: ResolverSource = {
  channel: () => new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES }),
  system: (name, answered) => dnsLookup(name, { all: true, hints: ADDRCONFIG }, answered),
}

export class NameResolver {
  readonly #clock: Clock
  readonly #hosts: HostsFile
  readonly #source: ResolverSource
  readonly #known: LRUCache<string, Answer>
  readonly #underWay = new Map<string, Lookup>()
  readonly #dns = new FairTaskQueue(DNS_PLACES)
  readonly #system = new FairTaskQueue(SYSTEM_PLACES)

  constructor(clock: Clock, hosts: HostsFile, source: ResolverSource = outside) {
    this.#clock = clock
    this.#hosts = hosts
    this.#source = source
    this.#known = new LRUCache({
      max: MAX_NAMES,
      ttl: ANSWER_TTL_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now() },
    })
  }

  /**
   * @param group the owner of the name: groups take turns
   * @param answered called once, never before this returns, unless cancelled
   * @returns a function that cancels the wait: a look-up without waiters that has not started is dropped
   */
  resolve(name: string, group: string, answered: Answered): () => void {
    const known = this.#known.get(name) ?? this.#local(name)
    if (known !== undefined) return soon(known, answered)
    const key = `${group}\n${name}`
    const lookup = this.#underWay.get(key) ?? this.#start(key, name, group)
    lookup.waiters.add(answered)
    return () => {
      lookup.waiters.delete(answered)
      if (lookup.waiters.size === 0 && lookup.withdraw()) this.#underWay.delete(key)
    }
  }

  /** Ends every look-up without calling back. */
  close(): void {
    // First the waiting ones: a slot that becomes free would start them.
    for (const lookup of this.#underWay.values()) lookup.withdraw()
    for (const lookup of this.#underWay.values()) lookup.end()
    this.#underWay.clear()
  }

  /** Answers that need no name server. */
  #local(name: string): Answer | undefined {
    const plain = name.toLowerCase().replace(/\.$/, '')
    const addresses = this.#hosts.find(plain)
    if (addresses !== undefined) return { addresses }
    if (/^(.+\.)?localhost$/.test(plain)) return { addresses: LOOPBACK }
    // RFC 6761 section 6.4: never queried.
    return /^(.+\.)?invalid$/.test(plain) ? { error: failure('ENOTFOUND') } : undefined
  }

  #start(key: string, name: string, group: string): Lookup {
    const lookup = new Lookup(name, this.#clock, this.#source, {
      dns: (task) => this.#dns.add(group, task),
      dnsDone: () => this.#dns.done(group),
      system: (task) => this.#system.add(group, task),
      systemDone: () => this.#system.done(group),
      ended: (answer) => {
        this.#underWay.delete(key)
        this.#known.set(name, answer, { ttl: 'error' in answer ? FAILURE_TTL_MS : ANSWER_TTL_MS })
      },
    })
    this.#underWay.set(key, lookup)
    lookup.start()
    return lookup
  }
}

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

function soon(answer: Answer, answered: Answered): () => void {
  let isWaiting = true
  process.nextTick(() => {
    if (isWaiting) answered(answer)
  })
  return () => {
    isWaiting = false
  }
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error('the name could not be resolved'), { code })
}

interface LookupPlaces {
  readonly dns: (task: () => void) => () => void
  readonly dnsDone: () => void
  readonly system: (task: () => void) => () => void
  readonly systemDone: () => void
  readonly ended: (answer: Answer) => void
}

/** queued ──▶ queried over DNS ──▶ answered · no answer · no such name ──▶ queued for the system ──▶ answered · no such name */
class Lookup {
  readonly waiters = new Set<Answered>()
  readonly #name: string
  readonly #clock: Clock
  readonly #source: ResolverSource
  readonly #places: LookupPlaces
  #leaveQueue: (() => void) | undefined
  #dns: DnsQuery | undefined
  #hasEnded = false

  constructor(name: string, clock: Clock, source: ResolverSource, places: LookupPlaces) {
    this.#name = name
    this.#clock = clock
    this.#source = source
    this.#places = places
  }

  start(): void {
    this.#queue(this.#places.dns, () => this.#askDns())
  }

  #queue(add: LookupPlaces['dns'], task: () => void): void {
    let hasStarted = false
    const leave = add(() => {
      hasStarted = true
      this.#leaveQueue = undefined
      task()
    })
    if (!hasStarted) this.#leaveQueue = leave
  }

  /** Leaves the queue. @returns false when the look-up is in progress: it continues, for the next request */
  withdraw(): boolean {
    if (this.#leaveQueue === undefined) return false
    this.end()
    return true
  }

  end(): void {
    this.#hasEnded = true
    this.#leaveQueue?.()
    this.#dns?.cancel()
  }

  #askDns(): void {
    this.#dns = new DnsQuery(this.#name, this.#clock, this.#source.channel(), (answer) => {
      this.#dns = undefined
      this.#places.dnsDone()
      if ('addresses' in answer || answer.error.code === 'ETIMEOUT') this.#settle(answer)
      else if (!this.#hasEnded) this.#queue(this.#places.system, () => this.#askSystem())
    })
  }

  #askSystem(): void {
    this.#source.system(this.#name, (error, found) => {
      this.#places.systemDone()
      this.#settle(error === null ? { addresses: found } : { error })
    })
  }

  #settle(answer: Answer): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#places.ended(answer)
    for (const answered of this.waiters) answered(answer)
  }
}

/** Both families of addresses of one name, over DNS, within one deadline. */
class DnsQuery {
  readonly #channel: ReturnType<ResolverSource['channel']>
  readonly #answered: Answered
  readonly #clock: Clock
  readonly #deadline: { clear(): void }
  #delay: { clear(): void } | undefined
  #open = 2
  readonly #found: { 4: readonly string[]; 6: readonly string[] } = { 4: [], 6: [] }
  #error: NodeJS.ErrnoException | undefined
  #isOver = false

  constructor(name: string, clock: Clock, channel: ReturnType<ResolverSource['channel']>, answered: Answered) {
    this.#channel = channel
    this.#answered = answered
    this.#clock = clock
    this.#deadline = clock.after(LOOKUP_TIMEOUT_MS, () => this.#finish(failure('ETIMEOUT')))
    try {
      channel.resolve4(name, (error, addresses) => this.#take(4, error, addresses))
      channel.resolve6(name, (error, addresses) => this.#take(6, error, addresses))
    } catch (error) {
      // An impossible name makes this throw.
      process.nextTick(() => this.#finish(error as NodeJS.ErrnoException))
    }
  }

  cancel(): void {
    this.#finish(failure('ECANCELLED'))
  }

  #take(family: 4 | 6, error: NodeJS.ErrnoException | null, addresses: string[]): void {
    this.#open--
    if (error === null) this.#found[family] = addresses
    // No answer for one family matters more than "no such name" for the other: the name may exist.
    else if (this.#error?.code !== 'ETIMEOUT') this.#error = error
    if (this.#open === 0) this.#finish(this.#error ?? failure('ENODATA'))
    else if (addresses?.length > 0) this.#delay = this.#clock.after(RESOLUTION_DELAY_MS, () => this.#finish(NO_ERROR))
  }

  /** @param error when no address was found */
  #finish(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deadline.clear()
    this.#delay?.clear()
    this.#channel.cancel()
    // IPv4 first: vendors put IPv4 addresses on their whitelists. Without IPv4, connecting fails at once and the next is tried.
    const addresses = [
      ...this.#found[4].map((address) => ({ address, family: 4 })),
      ...this.#found[6].map((address) => ({ address, family: 6 })),
    ]
    this.#answered(addresses.length > 0 ? { addresses } : { error })
  }
}

/** There are addresses: the failure is not reported. */
const NO_ERROR = failure('ENODATA')
