/** One listening port: accepts and limits connections, tracks and drains them. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../address.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { internalErrors } from '../internal-errors.ts'
import { descriptorOf, type InheritedSockets, listenAt } from '../network/inherited-sockets.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { PendingTunnel } from './client-request.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import { DateField } from './date-field.ts'
import type { Access } from './proxy-auth.ts'
import { TlsCertificate, type TlsFiles, type TlsObserver } from './tls-certificate.ts'

export interface ListenerSettings extends Address {
  /** Time for a whole handshake, ms. */
  readonly handshakeMs: number
  readonly maxHeaderBytes: number
  readonly maxEarlyBytes: number
  /** Clients speak TLS to the port, with this certificate. */
  readonly tls: TlsFiles | undefined
  /** Whether plain requests may carry `X-Turnpike-*` options. */
  readonly optionHeaders: boolean
  /** Whether plain responses name their upstream. */
  readonly upstreamHeader: boolean
}

/** What a listener passes on. */
export interface ListenerHandler extends TlsObserver {
  /** A connection was accepted. It may be closed at once, or displace another one. */
  accepted(connection: Connection): void
  left(connection: Connection): void
  tunnel(connection: Connection, listener: Listener): PendingTunnel
  /** A connection that speaks plain HTTP. It counts here until it closes. */
  http(connection: Connection, first: Buffer, listener: Listener): void
  /** @param protocol of the client, if it is known */
  refused(error: GatewayError, protocol?: Connection['protocol']): void
  /** The system could not accept: usually for lack of descriptors. */
  troubled(error: NodeJS.ErrnoException): void
}

/** A certificate that is not in use yet. */
export interface PreparedCertificate {
  readonly certificate: TlsCertificate | undefined
  /** It will not be used. */
  cancel(): void
}

const LINGER_MS = 2_000
/** Clients open tunnels to the same targets with the same heads, again and again. */
const MAX_CONNECTS = 1_000

export class Listener implements ConnectionHost {
  access: Access
  connects: ConnectionHost['connects'] = new GenerationalCache(MAX_CONNECTS)
  maxHeaderBytes: number
  maxEarlyBytes: number
  optionHeaders: boolean
  upstreamHeader: boolean
  handshakes: TimeoutQueue
  readonly lingers: TimeoutQueue
  refusal: GatewayError | undefined
  /** Its port is closed: connections end with their request. */
  isClosing = false
  readonly clock: Clock
  readonly date: DateField
  #settings: ListenerSettings
  readonly #handler: ListenerHandler
  readonly #server: Server
  readonly #isShared: boolean
  #certificate: TlsCertificate | undefined
  #bound: Address | undefined
  readonly #connections = new LinkedList<Connection>()
  /** Accepted before `open`: they wait until it is known how to serve them. */
  #held: Socket[] | undefined = []

  /**
   * @param isShared other processes listen on the same port
   * @throws when the certificate of the port cannot be used
   */
  constructor(settings: ListenerSettings, access: Access, clock: Clock, handler: ListenerHandler, isShared = false) {
    this.#isShared = isShared
    this.access = access
    this.maxHeaderBytes = settings.maxHeaderBytes
    this.maxEarlyBytes = settings.maxEarlyBytes
    this.optionHeaders = settings.optionHeaders
    this.upstreamHeader = settings.upstreamHeader
    this.handshakes = new TimeoutQueue(clock, settings.handshakeMs)
    this.lingers = new TimeoutQueue(clock, LINGER_MS)
    this.clock = clock
    this.date = new DateField(clock)
    this.#settings = settings
    this.#handler = handler
    this.#certificate = settings.tls && new TlsCertificate(settings.tls, clock, handler)
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (this.#held === undefined) this.#accept(socket)
      // A reset while it waits is an event of its connection, which then finds it destroyed.
      else this.#held.push(socket.on('error', () => {}))
    })
  }

  /**
   * What `configure` needs for these files: the certificate in use if it is from them.
   * @throws when the pair cannot be used
   */
  prepareCertificate(files: TlsFiles | undefined): PreparedCertificate {
    const isKnown = files !== undefined && this.#certificate?.isOf(files) === true
    const certificate = isKnown ? this.#certificate : files && new TlsCertificate(files, this.clock, this.#handler)
    return { certificate, cancel: () => isKnown || certificate?.close() }
  }

  /**
   * For later connections; a handshake in progress keeps its time.
   * @param access the same object when it has not changed: it caches logins
   * @param certificate undefined: clients do not speak TLS
   */
  configure(settings: ListenerSettings, access: Access, certificate: TlsCertificate | undefined): void {
    if (certificate !== this.#certificate) this.#certificate?.close()
    this.#certificate = certificate
    this.#settings = { ...settings, host: this.#settings.host, port: this.#settings.port }
    this.maxHeaderBytes = settings.maxHeaderBytes
    this.maxEarlyBytes = settings.maxEarlyBytes
    this.optionHeaders = settings.optionHeaders
    this.upstreamHeader = settings.upstreamHeader
    this.handshakes = this.handshakes.withDuration(settings.handshakeMs)
    if (access === this.access) return
    this.access = access
    this.connects = new GenerationalCache(MAX_CONNECTS)
  }

  /** Serves the clients that have connected since `listen`, and all later ones. */
  open(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const socket of held) this.#accept(socket)
  }

  /** Client connections now. */
  get connections(): number {
    return this.#connections.size
  }

  /**
   * Connections are held until `open`.
   * @param inherited sockets that listen already
   * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
   */
  async listen(inherited: InheritedSockets | undefined): Promise<void> {
    await listenAt(this.#server, this.#settings, inherited, this.#isShared)
    const { address: host, port } = this.#server.address() as AddressInfo
    this.#bound = { host, port }
    this.#server.on('error', (error: NodeJS.ErrnoException) => this.#handler.troubled(error))
  }

  /** Accepts no more clients. Connected ones are served, and another process may have the same socket. */
  closePort(): void {
    this.isClosing = true
    this.#server.close()
  }

  /** Undoes `closePort`. @param sockets among them its own, or none @throws as `listen` */
  async reopenPort(sockets?: InheritedSockets): Promise<void> {
    this.isClosing = false
    const address = sockets === undefined ? this.address : this.#settings
    await listenAt(this.#server, address, sockets, this.#isShared)
  }

  /** The number of the descriptor of its socket. */
  get descriptor(): number {
    return descriptorOf(this.#server)
  }

  /** Clients whose request is incomplete. */
  get shakingHands(): number {
    return this.handshakes.size
  }

  /** Closes the connections of clients that have sent nothing so far. */
  closeMute(): void {
    for (const connection of this.#connections.snapshot()) connection.closeIfMute()
  }

  /** Where it listens, or has listened; with port 0 in the configuration, the actual port. */
  get address(): Address {
    return this.#bound ?? this.#settings
  }

  #accept(socket: Socket): void {
    try {
      const connection = new Connection(this.#certificate?.secure(socket) ?? socket, this)
      this.#connections.add(connection)
      this.#handler.accepted(connection)
    } catch (error) {
      internalErrors.report(error)
      socket.destroy()
    }
  }

  tunnel(connection: Connection): PendingTunnel {
    return this.#handler.tunnel(connection, this)
  }

  http(connection: Connection, first: Buffer): void {
    this.#handler.http(connection, first, this)
  }

  closed(connection: Connection): void {
    this.#connections.remove(connection)
    this.#handler.left(connection)
  }

  refused(error: GatewayError, protocol: Connection['protocol']): void {
    this.#handler.refused(error, protocol)
  }

  /** Accepts no more clients; connected ones stay, new requests on their connections are refused. */
  stopAccepting(reason = 'the gateway is stopping'): void {
    this.refusal = new GatewayError('GW_STOPPING', reason)
    for (const socket of this.#held ?? []) socket.destroy()
    this.#server.close()
  }

  /** Closes every connection at once. */
  destroyConnections(): void {
    for (const connection of this.#connections.snapshot()) connection.destroy()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#held ?? []) socket.destroy()
    this.#certificate?.close()
    this.destroyConnections()
    this.handshakes.close()
    this.lingers.close()
  }
}
