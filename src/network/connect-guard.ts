/**
 * Decides where the gateway may connect when others chose the address: a vendor that sold it, a reply with a link, a client of
 * the demo. The address is checked at the moment of connecting, after the look-up of its name: a name that was public when it
 * was read and resolves to this network now (DNS rebinding) is refused like the address itself.
 */
import type { LookupAddress } from 'node:dns'
import { isIP, isIPv6, type LookupFunction } from 'node:net'
import { LRUCache } from 'lru-cache'
import { type Address, addressMatcher } from '../address.ts'
import type { Clock } from '../clock.ts'
import { isPrivateAddress } from './address-scope.ts'
import { NameResolver } from './name-resolver.ts'
import { ThisMachine } from './this-machine.ts'

/** The error code for a connection to a refused address. */
export const FORBIDDEN_ADDRESS = 'ERR_FORBIDDEN_ADDRESS'

/** A machine may get new addresses at any time. */
const NEAR_TTL_MS = 10_000
const MAX_ADDRESSES = 10_000

/** Options of one connection. */
export interface ConnectRule {
  readonly port: number
  /** Loopback, private and this machine's own public addresses are accepted. The gateway's own ports are never accepted. */
  readonly allowPrivate: boolean
  /** The group of the name: look-ups of one group delay only each other (name-resolver.ts). */
  readonly group: string
}

export class ConnectGuard {
  readonly #machine: ThisMachine
  readonly #resolver: NameResolver
  /** Where the gateway listens, by port: by address, which addresses of this machine lead there. */
  readonly #ownPorts = new Map<number, Map<string, (ip: string) => boolean>>()
  readonly #near: LRUCache<string, boolean>

  constructor(clock: Clock, resolver: NameResolver, machine: ThisMachine) {
    this.#near = new LRUCache({
      max: MAX_ADDRESSES,
      ttl: NEAR_TTL_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now() },
    })
    this.#resolver = resolver
    this.#machine = machine
  }

  /** The gateway listens there: a connection to it would be a loop, or reach the admin API. */
  reservePort({ host, port }: Address): void {
    const places = this.#ownPorts.get(port) ?? new Map<string, (ip: string) => boolean>()
    this.#ownPorts.set(port, places.set(host, leadsTo(host)))
  }

  /** The gateway no longer listens there. */
  releasePort({ host, port }: Address): void {
    this.#ownPorts.get(port)?.delete(host)
  }

  /**
   * For targets: refused at every address and name of this machine, wherever the gateway listens.
   * @param host an address, or a name of this machine: other names are not resolved
   */
  isOwnPort(host: string, port: number): boolean {
    return (this.#ownPorts.get(port)?.size ?? 0) > 0 && this.#machine.is(host)
  }

  /** Another program may listen on the same port of another address, as a proxy on 127.0.0.2 beside a gateway on 127.0.0.1. */
  #listensAt(ip: string, port: number): boolean {
    const places = this.#ownPorts.get(port)
    return places !== undefined && this.#machine.is(ip) && places.values().some((leads) => leads(ip))
  }

  /** Whether a connection to this address is refused. @param ip IPv4, or IPv6 without brackets */
  forbids(ip: string, { port, allowPrivate }: Pick<ConnectRule, 'port' | 'allowPrivate'>): boolean {
    return (!allowPrivate && this.#isNear(ip)) || this.#listensAt(ip, port)
  }

  /** Whether it belongs to this machine, to its network or to no host. Cached: it is checked for every connection to an upstream. */
  #isNear(ip: string): boolean {
    const known = this.#near.get(ip)
    if (known !== undefined) return known
    const isNear = isPrivateAddress(ip) || this.#machine.is(ip)
    this.#near.set(ip, isNear)
    return isNear
  }

  /**
   * For `net.connect`: returns the addresses of a name that may be connected to; ERR_FORBIDDEN_ADDRESS when there are none.
   * @param onWaiting receives the function that cancels the look-up
   */
  lookup(rule: ConnectRule, onWaiting: (cancel: () => void) => void = () => {}): LookupFunction {
    return (name, options, callback) => {
      const cancel = this.#resolver.resolve(name, rule.group, (answer) => {
        if ('error' in answer) return callback(answer.error, '', 0)
        const allowed = answer.addresses.filter(({ address }) => !this.forbids(address, rule))
        if (allowed.length === 0 && answer.addresses.length > 0) return callback(forbiddenAddress(), '', 0)
        give(allowed, options.all === true, callback)
      })
      onWaiting(cancel)
    }
  }

  /** Ends every look-up in progress. */
  close(): void {
    this.#resolver.close()
  }
}

/** Connections to the unspecified address reach loopback. */
const UNSPECIFIED = ['0.0.0.0', '::']

/** Which addresses of this machine reach a socket that listens there. @param host where it is bound: an address, or a name */
function leadsTo(host: string): (ip: string) => boolean {
  // Zones (`fe80::1%eth0`) are not compared.
  const isOneAddress = isIP(host) !== 0 && !host.includes('%') && !UNSPECIFIED.includes(host)
  return isOneAddress ? addressMatcher([host, ...UNSPECIFIED]) : () => true
}

/** A guard that uses the name servers, the hosts file and the interfaces of this machine. */
export function openConnectGuard(clock: Clock): ConnectGuard {
  const machine = new ThisMachine(clock)
  return new ConnectGuard(clock, new NameResolver(clock, machine.hosts), machine)
}

function give(addresses: LookupAddress[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const [first] = addresses
  if (all || first === undefined) callback(null, addresses)
  else callback(null, first.address, isIPv6(first.address) ? 6 : 4)
}

/** The error of a refused connection. It contains no address, because it may be shown in an answer. */
export function forbiddenAddress(): NodeJS.ErrnoException {
  return Object.assign(new Error('a private address, or the gateway itself'), { code: FORBIDDEN_ADDRESS })
}
