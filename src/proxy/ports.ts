/** The listening ports, and changes of them: new ports are opened first, then everything changes at once. */
import type { Address } from '../address.ts'
import type { Clock } from '../clock.ts'
import type { ClientHandler, ClientPort } from '../downstream/client-port.ts'
import { Listener, type ListenerSettings, type PreparedCertificate } from '../downstream/listener.ts'
import type { LoginThrottle } from '../downstream/login-throttle.ts'
import { Access, type User } from '../downstream/proxy-auth.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets, OpenPort, PortHandle } from '../network/inherited-sockets.ts'
import { isSame } from '../same.ts'
import type { ListenerDefaults } from './route.ts'

export interface PortSettings extends ListenerSettings, ListenerDefaults {
  readonly users: readonly User[] | undefined
  readonly allow: readonly string[] | undefined
}

/** New ports that are open beside the present ones. Exactly one of the two methods is called. */
interface PortsChange {
  commit(): void
  cancel(): Promise<void>
}

/** What to undo when a change is cancelled. */
interface PreparedPorts {
  readonly opened: Listener[]
  /** Closed because they conflict with new ones: the same port at another address. */
  readonly closed: Listener[]
  readonly certificates: Map<Listener, PreparedCertificate>
}

interface PortsParts {
  readonly clock: Clock
  readonly guard: ConnectGuard
  readonly logins: LoginThrottle
  readonly handler: ClientHandler
  /** Sockets that listen already. */
  readonly inherited: InheritedSockets | undefined
  readonly opening: PortOpening
}

/** Who listens on the ports: this process alone, this one together with others (SO_REUSEPORT), or only others. */
export type PortOpening = 'alone' | 'shared' | 'elsewhere'

export class Ports {
  readonly #parts: PortsParts
  /** In the order of the configuration. */
  #current: ReadonlyMap<Listener, PortSettings> = new Map()
  /** Closed, with connections that have not ended. */
  readonly #closed = new Map<Listener, PortSettings>()

  constructor(parts: PortsParts) {
    this.#parts = parts
  }

  /** The actual addresses, in the order of the configuration. */
  get addresses(): Address[] {
    return [...this.#current.keys()].map((listener) => listener.address)
  }

  /** In the order of the configuration. */
  get listeners(): readonly Listener[] {
    return [...this.#current.keys()]
  }

  /** How connections of this listener are served from now on. */
  settingsOf(port: ClientPort): PortSettings {
    const [current, closed]: ReadonlyMap<ClientPort, PortSettings>[] = [this.#current, this.#closed]
    const settings = current?.get(port) ?? closed?.get(port)
    if (settings === undefined) throw new GatewayError('GW_INTERNAL', 'a request of no listener')
    return settings
  }

  /**
   * Opens the missing ports. Until `commit` no client is served on them, and the others do not change.
   * @throws the system's error, with `address` and `port`, after closing what was opened
   */
  async prepare(wanted: readonly PortSettings[]): Promise<PortsChange> {
    const unwanted = new Set(this.#current.keys())
    const prepared: PreparedPorts = { opened: [], closed: [], certificates: new Map() }
    try {
      const next = new Map<Listener, PortSettings>()
      for (const settings of wanted) {
        const known = this.#openAt(settings, unwanted)
        if (known !== undefined) prepared.certificates.set(known, known.prepareCertificate(settings.tls))
        const listener = known ?? this.#create(settings, prepared)
        unwanted.delete(listener)
        next.set(listener, settings)
      }
      if (this.#parts.opening !== 'elsewhere') await this.#listen(prepared, unwanted)
      return {
        commit: () => this.#commit(next, unwanted, prepared.certificates),
        cancel: () => this.#cancel(prepared),
      }
    } catch (error) {
      await this.#cancel(prepared)
      throw error
    }
  }

  /** A listener that stays: configured for the same host and port, and shared or not as before. */
  #openAt({ host, port, isShared }: PortSettings, unwanted: ReadonlySet<Listener>): Listener | undefined {
    for (const listener of unwanted) {
      const known = this.#current.get(listener)
      if (known?.host === host && known.port === port && known.isShared === isShared) return listener
    }
    return undefined
  }

  #create(settings: PortSettings, { opened }: PreparedPorts): Listener {
    const { clock, logins, handler, opening } = this.#parts
    const access = new Access(settings.users, settings.allow, logins)
    const isShared = settings.isShared || opening === 'shared'
    const listener = new Listener({ ...settings, isShared }, access, clock, handler)
    opened.push(listener)
    return listener
  }

  /** Listeners whose clients would be lost when another one fails come last. */
  async #listen({ opened, closed }: PreparedPorts, unwanted: ReadonlySet<Listener>): Promise<void> {
    const { inherited } = this.#parts
    const inheriting = opened.filter(({ address }) => inherited?.has(address))
    const blocked: Listener[] = []
    const inTheWay = new Set<Listener>()
    for (const listener of opened) {
      if (inheriting.includes(listener)) continue
      const formers = await listenUnlessBlocked(listener, unwanted)
      if (formers.length > 0) blocked.push(listener)
      for (const former of formers) inTheWay.add(former)
    }
    for (const former of inTheWay) {
      former.closePort()
      closed.push(former)
    }
    for (const listener of [...blocked, ...inheriting]) await listener.listen(inherited)
  }

  async #cancel({ opened, closed, certificates }: PreparedPorts): Promise<void> {
    for (const listener of opened) listener.close()
    for (const prepared of certificates.values()) prepared.cancel()
    await Promise.all(closed.map((former) => former.reopenPort()))
  }

  #commit(
    next: ReadonlyMap<Listener, PortSettings>,
    unwanted: ReadonlySet<Listener>,
    certificates: ReadonlyMap<Listener, PreparedCertificate>,
  ): void {
    const former = this.#current
    this.#current = next
    for (const listener of unwanted) this.#retire(listener, former.get(listener))
    for (const [listener, settings] of next) {
      const known = former.get(listener)
      if (known === undefined) listener.open()
      else
        listener.configure(settings, this.#accessOf(listener, settings, known), certificates.get(listener)?.certificate)
      this.#parts.guard.reservePort(listener.address)
    }
    this.#forgetDrained()
  }

  /** The port is closed: its open connections continue, further requests on them are refused. */
  #retire(listener: Listener, settings: PortSettings | undefined): void {
    this.#parts.guard.releasePort(listener.address)
    listener.stopAccepting('the configuration has no such port any more')
    if (settings !== undefined) this.#closed.set(listener, settings)
  }

  #accessOf(listener: Listener, settings: PortSettings, known: PortSettings): Access {
    const isKnown = isSame([settings.users, settings.allow], [known.users, known.allow])
    return isKnown ? listener.access : new Access(settings.users, settings.allow, this.#parts.logins)
  }

  #forgetDrained(): void {
    for (const listener of this.#closed.keys()) if (listener.connections === 0) this.#closed.delete(listener)
  }

  /** The sockets for another process. */
  get open(): readonly OpenPort[] {
    return [...this.#current].flatMap(([{ sockets }, { host, port }]) =>
      sockets.descriptors.map((socket) => ({ place: { host, port }, ...socket })),
    )
  }

  /** The same, for a process at the other end of an IPC channel. */
  get handles(): readonly PortHandle[] {
    return [...this.#current].flatMap(([{ sockets }, { host, port }]) =>
      sockets.handles.map((handle) => ({ place: { host, port }, handle })),
    )
  }

  /** Clients whose request is incomplete. */
  get shakingHands(): number {
    return this.#all.reduce((sum, listener) => sum + listener.shakingHands, 0)
  }

  /** Accepts no more clients; connected ones are served. */
  closePorts(): void {
    for (const listener of this.#current.keys()) listener.closePort()
  }

  /** @param sockets copies of those that were closed @throws the system's error */
  async reopenPorts(sockets: InheritedSockets): Promise<void> {
    if (this.#parts.opening === 'elsewhere') return
    await Promise.all([...this.#current.keys()].map((listener) => listener.reopenPort(sockets)))
  }

  /** Closes the connections of clients that have sent nothing so far. */
  closeMute(): void {
    for (const listener of this.#all) listener.closeMute()
  }

  /** Ends connections that are between two requests. */
  closeIdle(): void {
    for (const listener of this.#all) listener.closeIdle()
  }

  /** Exchanges of plain HTTP that are not over. */
  get openRequests(): number {
    return this.#all.reduce((sum, listener) => sum + listener.openRequests, 0)
  }

  get #all(): Listener[] {
    return [...this.#current.keys(), ...this.#closed.keys()]
  }

  stopAccepting(): void {
    for (const listener of this.#current.keys()) listener.stopAccepting()
  }

  close(): void {
    for (const listener of this.#all) listener.close()
  }
}

/**
 * @returns the ports that must be closed first, and will be closed in any case: 127.0.0.1:8080 and 0.0.0.0:8080 cannot be open at
 *   the same time
 * @throws the system's error
 */
async function listenUnlessBlocked(listener: Listener, unwanted: ReadonlySet<Listener>): Promise<Listener[]> {
  try {
    await listener.listen(undefined)
    return []
  } catch (error) {
    const inTheWay = [...unwanted].filter(({ address }) => address.port === listener.address.port)
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || inTheWay.length === 0) throw error
    return inTheWay
  }
}
