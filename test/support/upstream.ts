import { once } from 'node:events'
import { connect, isIP, isIPv6, type Socket } from 'node:net'
import type { Header } from './http-wire.ts'
import { LoopbackServer } from './loopback-server.ts'
import { ConnectionLost, SocketReader } from './socket-io.ts'
import { reset, startTls } from './tls.ts'
import { type Behaviour, type Login, type PlainKind, ReplyWriter, Silence, toBehaviour } from './upstream-behaviour.ts'
import { serveHttp } from './upstream-http.ts'
import { serveSocks } from './upstream-socks.ts'

/** Where a name (or `name:port`, which wins) leads. Names that are not here do not exist: DNS is never asked. */
export type Names = Record<string, readonly [host: string, port: number]>

export interface UpstreamOptions {
  /** Absent: nobody is asked for a login. */
  readonly login?: Login
  /** An https upstream: TLS first, with the certificate of tls.ts. */
  readonly tls?: boolean
  readonly names?: Names
}

/** A request as it arrived, before any behaviour. */
export interface SeenRequest {
  readonly protocol: 'http' | 'socks5'
  /** `CONNECT` for SOCKS too. */
  readonly method: string
  /** CONNECT and SOCKS: `host:port` as the client spelt it. Otherwise the absolute-form target. */
  readonly target: string
  /** The very head as latin1; for SOCKS the request's bytes in hex. */
  readonly raw: string
  /** In order, with their case and duplicates; empty for SOCKS. */
  readonly headers: readonly Header[]
  /** What the client logged in with, right or wrong. */
  readonly login?: Login
  /** The how-manieth connection brought it, counted from 1. */
  readonly connection: number
}

/** One accepted connection, as the protocol parts see it. */
export interface Visit {
  readonly socket: Socket
  readonly reader: SocketReader
  readonly reply: ReplyWriter
  readonly number: number
  /** RST to the client, under TLS too. */
  reset(): void
}

/**
 * An upstream proxy on loopback: HTTP (CONNECT and absolute-form) and SOCKS5 on one port, working or misbehaving in any of
 * the ways of upstream-behaviour.ts, which can be switched at any time. It leaves from its own address, so that a site sees
 * which upstream carried a request.
 */
export class FakeUpstream {
  readonly login: Login | undefined
  readonly tls: boolean
  readonly names: Names
  readonly requests: SeenRequest[] = []
  /** Of each TLS connection: whether it went on with the session of an earlier one. */
  readonly resumptions: boolean[] = []
  /** Connections on which it has left the client without a word, counted once the client has said something. */
  silences = 0
  /** Tunnels opened since the start. */
  tunnelsOpened = 0
  /** Tunnels that are open now. */
  tunnelsOpen = 0
  readonly #server = new LoopbackServer((socket) => this.#serve(socket))
  readonly #script: Behaviour[] = []
  readonly #byHost = new Map<string, Behaviour>()
  readonly #targets = new Set<Socket>()
  #behaviour: Behaviour = { kind: 'ok' }

  constructor(options: UpstreamOptions = {}) {
    this.login = options.login
    this.tls = options.tls ?? false
    this.names = options.names ?? {}
  }

  get host(): string {
    return this.#server.host
  }

  get port(): number {
    return this.#server.port
  }

  get authority(): string {
    return this.#server.authority
  }

  /** TCP connections accepted since the start. */
  get connections(): number {
    return this.#server.connections
  }

  /** Connections open now: from clients, and on to targets. */
  get openSockets(): number {
    return this.#server.openSockets + this.#targets.size
  }

  /** `scheme://user:password@host:port`; the scheme is http or https unless given. */
  url(scheme: string = this.tls ? 'https' : 'http'): string {
    const { login } = this
    const userinfo = login ? `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}@` : ''
    return `${scheme}://${userinfo}${this.authority}`
  }

  async listen(host?: string, port?: number): Promise<this> {
    await this.#server.listen(host, port)
    return this
  }

  /** From now on, for new connections. */
  async behave(behaviour: Behaviour | PlainKind): Promise<void> {
    this.#behaviour = toBehaviour(behaviour)
    if (this.#behaviour.kind === 'refuse') await this.#server.stopListening()
    else if (!this.#server.listening) await this.#server.listen()
  }

  /** For the next connections, one each, before the standing behaviour applies again. */
  behaveNext(...behaviours: (Exclude<Behaviour, { kind: 'refuse' }> | Exclude<PlainKind, 'refuse'>)[]): void {
    this.#script.push(...behaviours.map(toBehaviour))
  }

  /** For requests to one target host, from the moment the request was read: refusals that blame the pair, not the upstream. */
  behaveFor(host: string, behaviour: Behaviour | PlainKind): void {
    this.#byHost.set(host, toBehaviour(behaviour))
  }

  /** Every connection drops with a RST, as when the vendor takes an address back. */
  resetConnections(): void {
    this.#server.resetConnections()
  }

  async close(): Promise<void> {
    const closing = [...this.#targets].map((socket) => once(socket, 'close'))
    for (const socket of this.#targets) socket.destroy()
    await Promise.all([this.#server.close(), ...closing])
  }

  /** Called by the protocol parts once the target is known: keeps the request and picks the behaviour for its host. */
  note(visit: Visit, request: Omit<SeenRequest, 'connection'>, host: string): Behaviour {
    this.requests.push({ ...request, connection: visit.number })
    const special = this.#byHost.get(host)
    if (special !== undefined) visit.reply.behaviour = special
    return visit.reply.behaviour
  }

  accepts(login: Login | undefined): boolean {
    const wanted = this.login
    return wanted === undefined || (login?.username === wanted.username && login.password === wanted.password)
  }

  /**
   * Connects through, never off loopback.
   * @throws {ConnectionLost} ENOTFOUND for an unknown name, EACCES for a foreign address, else the code of the connect
   */
  async dial(host: string, port: number): Promise<Socket> {
    const [address, realPort] = this.#resolve(host, port)
    const localAddress = isIP(this.host) === isIP(address) ? { localAddress: this.host } : {}
    const socket = connect({ host: address, port: realPort, allowHalfOpen: true, noDelay: true, ...localAddress })
    this.#targets.add(socket)
    socket.on('close', () => this.#targets.delete(socket))
    socket.on('error', () => {})
    try {
      await once(socket, 'connect')
    } catch (error) {
      throw new ConnectionLost((error as NodeJS.ErrnoException).code ?? 'ERROR', 'the target cannot be reached', error)
    }
    return socket
  }

  #resolve(host: string, port: number): readonly [host: string, port: number] {
    const known = this.names[`${host}:${port}`] ?? this.names[host]
    if (known !== undefined) return known
    if (isIP(host) === 0) throw new ConnectionLost('ENOTFOUND', 'no such name')
    if (!host.startsWith('127.') && !isLoopbackV6(host)) throw new ConnectionLost('EACCES', 'not a loopback address')
    return [host, port]
  }

  async #serve(raw: Socket): Promise<void> {
    const behaviour = this.#script.shift() ?? this.#behaviour
    if (behaviour.kind === 'reset-at-once') return reset(raw)
    if (behaviour.kind === 'close-at-once') return closeGently(raw)
    if (behaviour.kind === 'silent') {
      raw.once('data', () => this.silences++)
      return keepSilent(raw)
    }
    const socket = this.tls ? await this.#startTls(raw) : raw
    const reader = new SocketReader(socket, { timeoutMs: null })
    const reply = new ReplyWriter(socket, behaviour)
    try {
      await this.#speak({ socket, reader, reply, number: this.#server.connections, reset: () => reset(raw) })
    } catch (error) {
      if (!(error instanceof Silence)) throw error
      this.silences++
      reader.discard()
      keepSilent(socket)
    }
  }

  async #startTls(raw: Socket): Promise<Socket> {
    const socket = await startTls(raw)
    this.resumptions.push(socket.isSessionReused())
    return socket
  }

  async #speak(visit: Visit): Promise<void> {
    const first = await visit.reader.read(1)
    if (first === null) return void visit.socket.destroy()
    visit.reader.putBack(first)
    if (first[0] === 0x05) await serveSocks(this, visit)
    else await serveHttp(this, visit)
  }
}

/** `::1`, however it is spelt. */
function isLoopbackV6(host: string): boolean {
  return isIPv6(host) && new URL(`http://[${host}]`).hostname === '[::1]'
}

function closeGently(socket: Socket): void {
  socket.resume() // unread bytes would turn the FIN into a RST
  socket.end()
  socket.on('end', () => socket.destroy())
}

function keepSilent(socket: Socket): void {
  if (socket.readableEnded) socket.destroy()
  socket.resume()
  socket.on('end', () => socket.destroy())
}
