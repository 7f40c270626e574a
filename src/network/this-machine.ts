/** The addresses and names under which this machine reaches itself. */
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { addressMatcher, isThisMachine } from '../address.ts'
import type { Clock } from '../clock.ts'
import { HostsFile } from './hosts-file.ts'

/** Interfaces come and go: a laptop changes its network, a tunnel is opened. */
const REFRESH_MS = 10_000

/** What is asked of the system; a test hands in its own. */
export interface MachineSource {
  readonly addresses: () => readonly string[]
  readonly hostname: () => string
}

const system: MachineSource = {
  addresses: () => Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []),
  hostname,
}

export class ThisMachine {
  readonly hosts: HostsFile
  readonly #clock: Clock
  readonly #source: MachineSource
  #isOwn: (ip: string) => boolean = () => false
  #readAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, source: MachineSource = system, hosts: HostsFile = new HostsFile(clock)) {
    this.#clock = clock
    this.#source = source
    this.hosts = hosts
  }

  /**
   * Whether a host is this machine. Nothing is resolved through DNS: the names are those that this machine gives itself.
   * @param host a name as written, IPv4, or IPv6 without brackets
   */
  is(host: string): boolean {
    if (isThisMachine(host)) return true
    if (isIP(host) !== 0) return this.#hasAddress(host)
    const name = host.toLowerCase().replace(/\.$/, '')
    return this.#hasName(name) || (this.hosts.find(name)?.some(({ address }) => this.is(address)) ?? false)
  }

  /** The host name whole, its first label alone, and that label in multicast DNS (RFC 6762). */
  #hasName(name: string): boolean {
    const whole = this.#source.hostname().toLowerCase()
    const [label = whole] = whole.split('.')
    return whole !== '' && [whole, label, `${label}.local`, `${label}.localdomain`].includes(name)
  }

  #hasAddress(ip: string): boolean {
    const now = this.#clock.now()
    if (now - this.#readAt >= REFRESH_MS) {
      this.#readAt = now
      try {
        this.#isOwn = addressMatcher(this.#source.addresses())
      } catch {
        // Without a free descriptor the system does not tell: what was read last stays.
      }
    }
    return this.#isOwn(ip)
  }
}
