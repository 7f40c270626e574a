/** One listening port: accepts connections, tracks and drains them. */
import type { Socket } from 'node:net'
import type { Address } from '../address.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { internalErrors } from '../internal-errors.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { type ClientHandler, ClientPort, type ClientPortSettings } from './client-port.ts'
import { type ClientReader, Connection } from './connection.ts'
import { HttpConnection } from './http-connection.ts'
import { PortSockets } from './port-sockets.ts'
import type { Access } from './proxy-auth.ts'
import { SocksConnection } from './socks-connection.ts'
import { TlsCertificate, type TlsFiles } from './tls-certificate.ts'

export interface ListenerSettings extends Address, ClientPortSettings {
  /** Other processes listen on the same port (SO_REUSEPORT). */
  readonly isShared: boolean
  /** Clients speak TLS to the port, with this certificate. */
  readonly tls: TlsFiles | undefined
}

/** A certificate that is not in use yet. */
export interface PreparedCertificate {
  readonly certificate: TlsCertificate | undefined
  /** It will not be used. */
  cancel(): void
}

export class Listener extends ClientPort {
  /** As configured. */
  readonly #place: Address
  /** Where clients come in. */
  readonly sockets: PortSockets
  #certificate: TlsCertificate | undefined
  #bound: Address | undefined
  readonly #connections = new LinkedList<Connection>()
  /** Accepted before `open`: they wait until it is known how to serve them. */
  #held: Socket[] | undefined = []

  /** @throws when the certificate of the port cannot be used */
  constructor(settings: ListenerSettings, access: Access, clock: Clock, handler: ClientHandler) {
    super(settings, access, clock, handler)
    this.#place = { host: settings.host, port: settings.port }
    this.#certificate = settings.tls && new TlsCertificate(settings.tls, clock, handler.observer)
    const accepted = (socket: Socket) => {
      if (this.#held === undefined) this.#accept(socket)
      // When it is reset while it waits, `open` finds it destroyed.
      else this.#held.push(socket.on('error', () => {}))
    }
    const acceptFailed = (error: NodeJS.ErrnoException) => handler.observer.acceptFailed(error)
    this.sockets = new PortSockets({ accepted, acceptFailed }, settings.isShared)
  }

  /**
   * What `configure` needs for these files: the certificate in use if it is from them.
   * @throws when the pair cannot be used
   */
  prepareCertificate(files: TlsFiles | undefined): PreparedCertificate {
    const isKnown = files !== undefined && this.#certificate?.isOf(files) === true
    const certificate = isKnown
      ? this.#certificate
      : files && new TlsCertificate(files, this.clock, this.handler.observer)
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
    this.apply(settings, access)
  }

  /** Serves the clients that have connected since `listen`, and all later ones. */
  open(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const socket of held) if (!socket.destroyed) this.#accept(socket)
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
    this.#bound = await this.sockets.listen(this.#place, inherited)
  }

  /** Accepts no more clients. Connected ones are served, and another process may have the same socket. */
  closePort(): void {
    this.isClosing = true
    this.sockets.close()
  }

  /** Undoes `closePort`. @param sockets among them its own, or none @throws as `listen` */
  async reopenPort(sockets?: InheritedSockets): Promise<void> {
    this.isClosing = false
    const address = sockets === undefined ? this.address : this.#place
    await this.sockets.listen(address, sockets)
  }

  /** Clients whose request is incomplete. */
  get shakingHands(): number {
    return this.handshakes.size
  }

  /** Closes the connections of clients that have sent nothing so far. */
  closeMute(): void {
    for (const connection of this.#connections.snapshot()) connection.closeIfMute()
  }

  /** Ends connections that are between two requests. */
  closeIdle(): void {
    for (const connection of this.#connections.snapshot()) connection.closeIfIdle()
  }

  /** Where it listens, or has listened; with port 0 in the configuration, the actual port. */
  get address(): Address {
    return this.#bound ?? this.#place
  }

  #accept(socket: Socket): void {
    try {
      const connection = new Connection(this.#certificate?.secure(socket) ?? socket, this, this.#openReader)
      this.#connections.add(connection)
      this.handler.accepted(connection)
    } catch (error) {
      internalErrors.report(error)
      socket.destroy()
    }
  }

  /** The first octet tells the protocol (RFC 1928 section 3). */
  readonly #openReader = (connection: Connection, first: number): ClientReader =>
    first === 4 || first === 5 ? new SocksConnection(connection, this, first) : new HttpConnection(connection, this)

  override closed(connection: Connection): void {
    this.#connections.remove(connection)
    super.closed(connection)
  }

  /** Accepts no more clients; connected ones stay, new requests on their connections are refused. */
  stopAccepting(reason = 'the gateway is stopping'): void {
    this.refusal = new GatewayError('GW_STOPPING', reason)
    for (const socket of this.#held ?? []) socket.destroy()
    this.sockets.close()
    this.#certificate?.close()
  }

  close(): void {
    this.sockets.close()
    for (const socket of this.#held ?? []) socket.destroy()
    this.#certificate?.close()
    for (const connection of this.#connections.snapshot()) connection.destroy()
    this.closeTimers()
  }
}
