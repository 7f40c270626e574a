/** A DNS server on loopback (RFC 1035): answers A and AAAA queries from a table, and is silent about some names. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { Resolver } from 'node:dns'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import type { Clock } from '../../src/clock.ts'
import { ConnectGuard } from '../../src/network/connect-guard.ts'
import { NameResolver, type ResolverSource } from '../../src/network/name-resolver.ts'
import { ThisMachine } from '../../src/network/this-machine.ts'

export const SILENT = 'silent'

/** The addresses of a name, or `SILENT`; a name that is missing does not exist. */
export type Zone = Record<string, readonly string[] | typeof SILENT>

const NXDOMAIN = 3
const TYPE_A = 1
const RESPONSE = 0x8180
const ALREADY_SEEN_NAME = 0xc00c

export class NameServer {
  readonly zone: Zone
  /** Names that were asked for, A queries only, in order. */
  readonly asked: string[] = []
  readonly #socket = createSocket('udp4')

  constructor(zone: Zone) {
    this.zone = zone
    this.#socket.on('message', (query, from) => this.#answer(query, from))
  }

  async listen(): Promise<this> {
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
    return this
  }

  /** A channel of c-ares that asks this server alone, briefly. */
  channel(): Resolver {
    const resolver = new Resolver({ timeout: 1_500, tries: 2 })
    resolver.setServers([`127.0.0.1:${this.#socket.address().port}`])
    return resolver
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()))
  }

  #answer(query: Buffer, { port, address }: RemoteInfo): void {
    const { name, end } = questionOf(query)
    const type = query.readUInt16BE(end)
    if (type === TYPE_A) this.asked.push(name)
    const known = this.zone[name]
    if (known === SILENT) return
    const records = (known ?? []).filter((one) => isIPv4(one) === (type === TYPE_A)).map((one) => recordOf(one, type))
    const head = Buffer.alloc(12)
    head.writeUInt16BE(query.readUInt16BE(0), 0)
    head.writeUInt16BE(RESPONSE | (known === undefined ? NXDOMAIN : 0), 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(records.length, 6)
    this.#socket.send(Buffer.concat([head, query.subarray(12, end + 4), ...records]), port, address)
  }
}

function questionOf(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function recordOf(address: string, type: number): Buffer {
  const data = type === TYPE_A ? Buffer.from(address.split('.').map(Number)) : ipv6(address)
  const fixed = Buffer.alloc(12)
  fixed.writeUInt16BE(ALREADY_SEEN_NAME, 0)
  fixed.writeUInt16BE(type, 2)
  fixed.writeUInt16BE(1, 4)
  fixed.writeUInt32BE(60, 6)
  fixed.writeUInt16BE(data.length, 10)
  return Buffer.concat([fixed, data])
}

/** @param address with at most one `::` */
function ipv6(address: string): Buffer {
  const [before = '', after = ''] = address.split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const missing = 8 - groups(before).length - groups(after).length
  const all = [...groups(before), ...Array<string>(address.includes('::') ? missing : 0).fill('0'), ...groups(after)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

/** A guard whose names are those of this server and of the hosts file; the system knows none more. */
export function guardOver(server: NameServer, clock: Clock): ConnectGuard {
  const machine = new ThisMachine(clock)
  const source: ResolverSource = {
    channel: () => server.channel(),
    system: (_name, answered) =>
      process.nextTick(answered, Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), []),
  }
  return new ConnectGuard(clock, new NameResolver(clock, machine.hosts, source), machine)
}
