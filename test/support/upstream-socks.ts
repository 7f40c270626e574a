import { isIPv4 } from 'node:net'
import { WireError } from './http-wire.ts'
import { ConnectionLost, type SocketReader } from './socket-io.ts'
import type { FakeUpstream, Visit } from './upstream.ts'
import { type Behaviour, GARBAGE, type Login, Silence } from './upstream-behaviour.ts'
import { openTunnel } from './upstream-tunnel.ts'

const VERSION = 5
const NO_LOGIN = 0x00
const USER_PASSWORD = 0x02
const NO_ACCEPTABLE_METHOD = 0xff

/** Speaks SOCKS5 (RFC 1928, RFC 1929) on a connection: greeting, login, request, tunnel. */
export async function serveSocks(upstream: FakeUpstream, visit: Visit): Promise<void> {
  const method = await agreeOnMethod(upstream, visit)
  if (method === NO_ACCEPTABLE_METHOD) return void visit.socket.end()
  const login = method === USER_PASSWORD ? await readLogin(visit.reader) : undefined
  if (login !== undefined) {
    const accepted = upstream.accepts(login) && visit.reply.behaviour.kind !== 'auth-failure'
    await visit.reply.write(Buffer.from([1, accepted ? 0 : 1]))
    if (!accepted) return void visit.socket.end()
  }
  const request = await readRequest(visit.reader)
  const target = request.host.includes(':') ? `[${request.host}]:${request.port}` : `${request.host}:${request.port}`
  const seen = { protocol: 'socks5', method: 'CONNECT', target, raw: request.raw, headers: [] } as const
  const behaviour = upstream.note(visit, login === undefined ? seen : { ...seen, login }, request.host)
  await answer(upstream, visit, request, behaviour)
}

async function answer(
  upstream: FakeUpstream,
  visit: Visit,
  request: SocksRequest,
  behaviour: Behaviour,
): Promise<void> {
  if (behaviour.kind === 'silent') throw new Silence()
  if (behaviour.kind === 'reset-at-once') return visit.reset()
  if (behaviour.kind === 'close-at-once') return void visit.socket.end()
  const rep = request.command === 1 ? refusalOf(behaviour) : 7
  if (rep !== undefined) return refuse(visit, rep)
  try {
    const target = await upstream.dial(request.host, request.port)
    await openTunnel(upstream, visit, target, success(behaviour, target.localAddress ?? '', target.localPort ?? 0))
  } catch (error) {
    const dialRep = error instanceof ConnectionLost ? dialReps.get(error.code) : undefined
    if (dialRep === undefined) throw error
    await refuse(visit, dialRep)
  }
}

/** REP for a failed dial (RFC 1928 section 6); every other loss is the connection's end. */
const dialReps = new Map([
  ['ENOTFOUND', 4],
  ['ECONNREFUSED', 5],
  ['EACCES', 2],
])

function refusalOf(behaviour: Behaviour): number | undefined {
  if (behaviour.kind === 'rep') return behaviour.rep
  return behaviour.kind === 'status' || behaviour.kind === 'refuse' ? 1 : undefined
}

async function refuse(visit: Visit, rep: number): Promise<void> {
  await visit.reply.write(Buffer.from([VERSION, rep, 0, 1, 0, 0, 0, 0, 0, 0]))
  visit.reader.discard()
  visit.socket.end()
}

async function agreeOnMethod(upstream: FakeUpstream, visit: Visit): Promise<number> {
  const [version, count = 0] = await visit.reader.readExactly(2)
  if (version !== VERSION) throw new WireError(`SOCKS version ${version}`)
  const offered = await visit.reader.readExactly(count)
  const { kind } = visit.reply.behaviour
  if (kind === 'garbage') {
    await visit.reply.write(GARBAGE)
    throw new Silence()
  }
  const wanted = upstream.login === undefined && kind !== 'auth-failure' ? NO_LOGIN : USER_PASSWORD
  const method = offered.includes(wanted) && kind !== 'no-method' ? wanted : NO_ACCEPTABLE_METHOD
  await visit.reply.write(Buffer.from([kind === 'bad-version' ? 4 : VERSION, method]))
  return method
}

async function readLogin(reader: SocketReader): Promise<Login> {
  const [version] = await reader.readExactly(1)
  if (version !== 1) throw new WireError(`login version ${version}`)
  const username = (await readCounted(reader)).toString()
  return { username, password: (await readCounted(reader)).toString() }
}

interface SocksRequest {
  readonly command: number
  readonly host: string
  readonly port: number
  /** The bytes in hex. */
  readonly raw: string
}

async function readRequest(reader: SocketReader): Promise<SocksRequest> {
  const head = await reader.readExactly(4)
  if (head[0] !== VERSION || head[2] !== 0) throw new WireError(`not a SOCKS5 request: ${head.toString('hex')}`)
  const address = await readAddress(reader, head[3] ?? 0)
  const port = await reader.readExactly(2)
  const raw = Buffer.concat([head, address.raw, port]).toString('hex')
  return { command: head[1] ?? 0, host: address.host, port: port.readUInt16BE(), raw }
}

async function readAddress(reader: SocketReader, type: number): Promise<{ host: string; raw: Buffer }> {
  if (type === 1) {
    const raw = await reader.readExactly(4)
    return { host: raw.join('.'), raw }
  }
  if (type === 3) {
    const name = await readCounted(reader)
    return { host: name.toString('latin1'), raw: Buffer.concat([Buffer.from([name.length]), name]) }
  }
  if (type !== 4) throw new WireError(`address type ${type}`)
  const raw = await reader.readExactly(16)
  const groups = raw.toString('hex').match(/.{4}/g) ?? []
  return { host: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1), raw }
}

async function readCounted(reader: SocketReader): Promise<Buffer> {
  const [length = 0] = await reader.readExactly(1)
  return reader.readExactly(length)
}

function success(behaviour: Behaviour, address: string, port: number): Buffer {
  const portBytes = Buffer.from([port >> 8, port & 0xff])
  return Buffer.concat([Buffer.from([VERSION, 0, 0]), boundAddress(behaviour, address), portBytes])
}

function boundAddress(behaviour: Behaviour, address: string): Buffer {
  if (behaviour.kind === 'bound' && behaviour.as === 'domain') return Buffer.from('\x03\x0dupstream.test', 'latin1')
  if (behaviour.kind === 'bound' || !isIPv4(address))
    return Buffer.concat([Buffer.from([4]), Buffer.alloc(15), Buffer.from([1])])
  return Buffer.from([1, ...address.split('.').map(Number)])
}
