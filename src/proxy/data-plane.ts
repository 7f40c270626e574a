/**
 * The data plane as a whole: listeners in front, tunnels and exchanges behind (dispatcher.ts), what they share, and how all of
 * it starts, changes its settings and ends. It knows the pool and what supply says of the future (`SupplyView`), and nothing
 * else of the control plane.
 */
import type { Address } from '../address.ts'
import type { Clock } from '../clock.ts'
import { LoginThrottle } from '../downstream/login-throttle.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets, OpenPort, PortHandle } from '../network/inherited-sockets.ts'
import type { Health } from '../pool/health.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import { isSame } from '../same.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { Connector, type ConnectorSettings } from '../upstream/connector.ts'
import { AddressLeases } from './address-leases.ts'
import { AddressRequests } from './address-requests.ts'
import { Dispatcher, type DispatcherSettings } from './dispatcher.ts'
import type { SessionDirectory, SupplyView } from './lease-contract.ts'
import { LeaseQueue } from './lease-queue.ts'
import { type PortOpening, type PortSettings, Ports } from './ports.ts'
import type { Relay } from './relay.ts'
import { Serving, type ServingParts, type ServingSettings } from './serving.ts'
import { type SessionStore, SessionTable } from './session-table.ts'
import type { StreamObserver } from './stream-observer.ts'
import type { UserLimits } from './user-limits.ts'

export interface DataPlaneSettings extends ServingSettings, DispatcherSettings {
  readonly ports: readonly PortSettings[]
  readonly maxHeaderBytes: number
  /** Connections opened ahead to each upstream in use. */
  readonly warm: number
  /** Of those, over all upstreams. */
  readonly maxWarm: number
  readonly wait: { readonly timeoutMs: number; readonly queue: number }
  readonly session: { readonly idle: number; readonly max: number }
  /** Those whose upstreams may be at loopback and private addresses. */
  readonly allowPrivate: ReadonlySet<string>
  readonly requestFields: ConnectorSettings['requestFields']
  /** End the tunnels of an upstream when it expires. */
  readonly closesAtDeadline: boolean
}

/** How often what is over is forgotten: sessions, views of filters, failed logins. */
const SWEEP_MS = 60_000

export class DataPlane {
  readonly leaseQueue: LeaseQueue
  readonly sessionTable: SessionTable
  #settings: DataPlaneSettings
  #serving: Serving
  readonly #servingParts: ServingParts
  readonly #clock: Clock
  readonly #connector: Connector
  readonly #dispatcher: Dispatcher
  readonly #ports: Ports
  readonly #relays = new LinkedList<Relay>()
  readonly #opening = { count: 0 }
  #isListening = false
  readonly #logins: LoginThrottle
  readonly #leases: AddressLeases
  /** For programs that connect to upstreams themselves. */
  readonly addressRequests: AddressRequests
  #sweep: { clear(): void } | undefined

  constructor(
    settings: DataPlaneSettings,
    parts: {
      clock: Clock
      pool: Pool
      health: Health
      supply: SupplyView
      store: SessionStore
      guard: ConnectGuard
      observer: StreamObserver
      /** Sockets that listen already. */
      inherited?: InheritedSockets | undefined
      /** Sessions of other processes, of this host or another one. */
      directory?: SessionDirectory | undefined
      /** `alone` if left out. */
      opening?: PortOpening | undefined
      users: UserLimits
    },
  ) {
    const { clock, pool, health, supply, guard, observer, users } = parts
    this.#settings = settings
    this.#clock = clock
    this.sessionTable = new SessionTable(pool, settings.session, clock, parts.store)
    this.leaseQueue = new LeaseQueue(pool, this.sessionTable, supply, settings.wait, clock, parts.directory)
    this.#connector = new Connector(clock, connectorSettings(settings), guard)
    const { sessionTable, leaseQueue } = this
    const [relays, opening, connector] = [this.#relays, this.#opening, this.#connector]
    this.#servingParts = {
      ...{ clock, pool, health, supply, guard, observer, sessionTable, leaseQueue, connector, relays, opening },
      refused: (error) => observer.handshakeRefused(error),
      routes: { route: (...request) => this.#dispatcher.route(...request) },
    }
    this.#serving = new Serving(settings, this.#servingParts)
    this.#logins = new LoginThrottle(clock, (client, failures) => observer.loginsFailed(client, failures))
    this.#dispatcher = new Dispatcher(settings, {
      ...{ clock, pool, observer, users },
      serving: () => this.#serving,
      settingsOf: (port) => this.#ports.settingsOf(port),
    })
    const how = { inherited: parts.inherited, opening: parts.opening ?? 'alone' }
    this.#ports = new Ports({ clock, guard, logins: this.#logins, handler: this.#dispatcher, ...how })
    this.#leases = new AddressLeases({ clock, pool, leaseQueue, connector })
    const router = () => this.#serving.router
    this.addressRequests = new AddressRequests({
      ...{ clock, pool, router, ports: this.#ports, users, leases: this.#leases },
    })
  }

  /** Client connections now, over all ports. */
  get connections(): number {
    return this.#dispatcher.connections
  }

  /** Whether clients may come. */
  get isListening(): boolean {
    return this.#isListening
  }

  /** Providers whose upstreams may be at loopback and private addresses. */
  get allowPrivate(): ReadonlySet<string> {
    return this.#settings.allowPrivate
  }

  get tunnels(): number {
    return this.#relays.size
  }

  /**
   * Starts listening on every port.
   * @returns the real addresses, in the order of the configuration
   * @throws the system's error, with `address` and `port`, after closing what was open
   */
  async listen(): Promise<Address[]> {
    const change = await this.#ports.prepare(this.#settings.ports)
    change.commit()
    this.#scheduleSweep()
    this.#isListening = true
    return this.addresses
  }

  /** Where it really listens, in the order of the configuration. */
  get addresses(): Address[] {
    return this.#ports.addresses
  }

  /**
   * Opens the ports that are new in the settings. Nothing else changes before `commit`, which cannot fail.
   * @throws as `listen`
   */
  async prepare(settings: DataPlaneSettings): Promise<DataPlaneChange> {
    const ports = await this.#ports.prepare(settings.ports)
    return {
      commit: () => {
        this.#apply(settings)
        ports.commit()
      },
      cancel: () => ports.cancel(),
    }
  }

  /** For requests from now on; those under way are served as they began. */
  #apply(settings: DataPlaneSettings): void {
    const former = this.#settings
    this.#settings = settings
    this.#serving = new Serving(settings, this.#servingParts, this.#serving)
    this.#connector.configure(connectorSettings(settings))
    this.#dispatcher.configure(settings)
    this.leaseQueue.configure(settings.wait)
    if (!isSame(settings.session, former.session)) this.sessionTable.configure(settings.session)
  }

  #scheduleSweep(): void {
    this.#sweep = this.#clock.after(SWEEP_MS, () => {
      this.#scheduleSweep()
      this.sessionTable.sweep()
      this.#logins.sweep()
      this.#servingParts.pool.sweepViews(this.#clock.now())
    })
  }

  /** An upstream has left the pool: its tunnels run on unless they are to end with it. */
  upstreamGone(upstream: Upstream, reason: GoneReason): void {
    this.#connector.forget(upstream)
    this.leaseQueue.upstreamGone(upstream)
    if (this.#settings.closesAtDeadline && reason === 'expired') this.#endTunnels(upstream)
  }

  /** Ends everything that holds a lease of an upstream: tunnels, plain HTTP, leases of programs that connect to it themselves. */
  endLeases(upstream: Upstream): void {
    this.#endTunnels(upstream)
    this.#dispatcher.endLeases(upstream)
    this.#leases.endLeases(upstream)
  }

  #endTunnels(upstream: Upstream): void {
    for (const relay of this.#relays.snapshot()) if (relay.connection.upstream === upstream) relay.close()
  }

  /** Another process is to lend the upstream, as soon as no client uses it here: nothing is kept connected to it. */
  handedOver(upstream: Upstream): void {
    this.#connector.forget(upstream)
    this.#dispatcher.releaseKept(upstream)
  }

  /** The listening ports, for another process. */
  get openPorts(): readonly OpenPort[] {
    return this.#ports.open
  }

  /** The same, for a process at the other end of an IPC channel. */
  get portHandles(): readonly PortHandle[] {
    return this.#ports.handles
  }

  /** Accepts no more clients. Those who are connected are served; kept connections end with their request. */
  closePorts(): void {
    this.#isListening = false
    this.#ports.closePorts()
    this.#ports.closeIdle()
  }

  /** Undoes `closePorts`. @param sockets copies of those that were closed @throws the system's error */
  async reopenPorts(sockets: InheritedSockets): Promise<void> {
    await this.#ports.reopenPorts(sockets)
    this.#isListening = true
  }

  /** Clients that have no tunnel and no answer yet. */
  get settingUp(): number {
    const dialling = this.#serving.tunnelDeps.deadlines.size
    return this.#ports.shakingHands + this.leaseQueue.waitingCount + dialling
  }

  /** Drops clients that have said nothing so far. */
  closeMute(): void {
    this.#ports.closeMute()
  }

  /** Accepts no more clients, denies waiting ones, and lets open tunnels and exchanges continue. */
  stopAccepting(): void {
    this.#isListening = false
    this.#ports.stopAccepting()
    this.#ports.closeIdle()
    this.leaseQueue.close(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
  }

  /** Whether something is still under way for a client. */
  get isBusy(): boolean {
    return this.#relays.size > 0 || this.#opening.count > 0 || this.#ports.openRequests > 0
  }

  /** Ends everything at once. */
  close(): void {
    this.#sweep?.clear()
    this.#leases.close()
    this.#ports.close()
    this.#dispatcher.close()
    this.leaseQueue.close(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
    for (const relay of this.#relays.snapshot()) relay.close()
    this.#serving.close()
    this.#connector.close()
  }
}

/** New settings whose ports are open. Exactly one of the two is called. */
export interface DataPlaneChange {
  commit(): void
  cancel(): Promise<void>
}

function connectorSettings(settings: DataPlaneSettings): ConnectorSettings {
  const { dialTimeoutMs: timeoutMs, maxHeaderBytes: maxReplyBytes, ...others } = settings
  return { timeoutMs, maxReplyBytes, ...others }
}
