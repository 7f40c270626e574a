/** The addresses and names of this machine itself. */
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { addressMatcher, isThisMachine } from '../address.ts'
import type { Clock } from '../clock.ts'
import { HostsFile } from './hosts-file.ts'

/** The interfaces can change: a laptop changes its network, a VPN connects. */
const REFRESH_MS = 10_000

/** The functions of the system; tests replace them. */
interface MachineSource {
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
   * Whether a host is this machine. DNS is not used: the names are those that the machine has in its own configuration.
   * @param host a name as written, IPv4, or IPv6 without brackets
   */
  is(host: string): boolean {
    if (isThisMachine(host)) return true
    if (isIP(host) !== 0) return this.#hasAddress(host)
    const name = host.toLowerCase().replace(/\.$/, '')
    return this.#hasName(name) || (this.hosts.find(name)?.some(({ address }) => this.is(address)) ?? false)
  }

  /** The full host name, its first label, and that label in multicast DNS (RFC 6762). */
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
        // Without a free descriptor the system returns nothing: the last list stays.
      }
    }
    return this.#isOwn(ip)
  }
}
