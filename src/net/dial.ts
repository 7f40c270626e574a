/** Opens tunnels through upstreams: HTTP CONNECT, the same inside TLS, and SOCKS5. */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { connect, isIP, isIPv6, type LookupFunction, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { Secret } from '../secret.ts'
import type { Upstream } from '../pool/upstream.ts'
import { formatAuthority } from './address.ts'
import { DeadlineList } from './deadlines.ts'
import { dialSocks } from './dial-socks.ts'
import { Leg, type LegOwner } from './leg.ts'
import { ReadBuffers } from './read-buffers.ts'

export interface DiallerSettings {
  /** Covers TCP, TLS, login and CONNECT together, ms. */
  readonly timeoutMs: number
  /** Longest head of an upstream's answer. */
  readonly maxReplyBytes: number
}

/** Names of upstreams are looked up once in this time: resolvers cost more than all the rest of a dial. */
const NAME_TTL_MS = 30_000
const MAX_NAMES = 1_000

/** A socket that knows its leg: the listeners below are shared by all sockets. */
interface LegSocket extends Socket {
  leg: Leg
}

export class Dialler {
  readonly maxReplyBytes: number
  readonly buffers = new ReadBuffers()
  readonly timeoutMs: number
  readonly #timeouts: DeadlineList
  readonly #lookup: LookupFunction

  constructor(clock: Clock, settings: DiallerSettings) {
    this.maxReplyBytes = settings.maxReplyBytes
    this.timeoutMs = settings.timeoutMs
    this.#timeouts = new DeadlineList(clock, settings.timeoutMs)
    this.#lookup = cachedLookup(clock)
  }

  /**
   * Starts a tunnel to `host`:`port` through the upstream. The owner hears once, never before this returns.
   * @param plainReads deliver octets as 'data' events (for Node's own parsers) instead of to a relay through `onread`
   */
  dial(upstream: Upstream, host: string, port: number, owner: LegOwner): Leg {
    const leg = new Leg(this, upstream, owner)
    const { facts } = upstream
    this.#timeouts.add(leg)
    if (facts.protocol === 'socks5') {
      dialSocks(this.#connect(leg, false), leg, host, port, this.timeoutMs)
      return leg
    }
    const socket = facts.protocol === 'https' ? this.#connectTls(leg) : this.#connect(leg, true)
    const authority = formatAuthority(host, port)
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${loginHeader(upstream)}\r\n`, 'latin1')
    return leg
  }

  #connect(leg: Leg, intoBuffer: boolean): Socket {
    const { host, port } = leg.upstream.facts
    const socket = connect({
      host,
      port,
      noDelay: true,
      allowHalfOpen: true,
      ...(intoBuffer ? { onread: { buffer: leg.readInto, callback: leg.received } } : {}),
      ...(isIP(host) === 0 ? { lookup: this.#lookup } : {}),
    })
    return adopt(socket, leg)
  }

  #connectTls(leg: Leg): Socket {
    const { host, port, tls } = leg.upstream.facts
    const socket = tlsConnect({
      host,
      port,
      allowHalfOpen: true,
      ...(isIP(host) === 0 ? { servername: host, lookup: this.#lookup } : {}),
      ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      rejectUnauthorized: tls?.verify ?? true,
      ALPNProtocols: ['http/1.1'],
      onread: { buffer: leg.readInto, callback: leg.received },
    } as Parameters<typeof tlsConnect>[0])
    socket.setNoDelay(true)
    return adopt(socket, leg)
  }

  close(): void {
    this.#timeouts.close()
  }
}

function adopt(socket: Socket, leg: Leg): Socket {
  const own = socket as LegSocket
  own.leg = leg
  leg.socket = socket
  socket.on('error', onError)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  socket.on('drain', onDrain)
  return socket
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  ;(this as LegSocket).leg.errored(error)
}

function onEnd(this: Socket): void {
  ;(this as LegSocket).leg.ended()
}

function onClose(this: Socket): void {
  ;(this as LegSocket).leg.closed()
}

function onDrain(this: Socket): void {
  ;(this as LegSocket).leg.drained()
}

/** RFC 7617, UTF-8. Made once for each upstream; empty for one without a login. */
export function loginHeader(upstream: Upstream): string {
  upstream.login ??= new Secret(basicLogin(upstream))
  const login = upstream.login.reveal()
  return login === '' ? '' : `Proxy-Authorization: ${login}\r\n`
}

function basicLogin({ facts }: Upstream): string {
  if (facts.username === undefined) return ''
  return `Basic ${Buffer.from(`${facts.username}:${facts.password?.reveal() ?? ''}`).toString('base64')}`
}

/** `dns.lookup` that remembers; failures are not remembered. */
function cachedLookup(clock: Clock): LookupFunction {
  const known = new LRUCache<string, LookupAddress[]>({ max: MAX_NAMES, ttl: NAME_TTL_MS, perf: { now: () => clock.now() } })
  return (name, options, callback) => {
    const addresses = known.get(name)
    if (addresses !== undefined) return process.nextTick(answer, addresses, options.all === true, callback)
    dnsLookup(name, { all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0)
      known.set(name, found)
      answer(found, options.all === true, callback)
    })
  }
}

function answer(addresses: LookupAddress[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const first = addresses[0]
  if (all || first === undefined) callback(null, addresses)
  else callback(null, first.address, isIPv6(first.address) ? 6 : 4)
}
