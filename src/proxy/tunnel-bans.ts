/**
 * Detects bans in tunnels without reading their contents: the target closes at once after the client's first octets, several times
 * in a row through one address, while it serves through others. Then the address rests for that host.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { type BanRule, isBanFor } from './ban-rule.ts'
import { type IdleSteps, Relay, type RelayHandler } from './relay.ts'

type ClosedHint = NonNullable<BanRule['closed']>
type TunnelBan = BanRule & { readonly closed: ClosedHint }

/** For this time it counts that another address works for the host, ms. */
const EVIDENCE_MS = 60_000
/** Number of hosts that are remembered, in each of two generations. */
const MAX_HOSTS = 1_000
/** Number of addresses of one host with a row; beyond it, the row that began first is dropped: most addresses do not live long. */
const MAX_ROWS = 1_000

/** Observations of one target host. */
interface HostRecord {
  /** Tunnels that were closed at once, in a row, by id of the upstream; and the start of the row. */
  readonly rows: Map<string, { count: number; readonly since: number }>
  /** The two upstreams that served last. */
  served: readonly { readonly id: string; readonly at: number }[]
}

export class TunnelBans {
  readonly #rules: readonly TunnelBan[]
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #hosts = new GenerationalCache<HostRecord>(MAX_HOSTS)

  constructor(bans: readonly BanRule[], pool: Pool, clock: Clock) {
    this.#rules = bans.filter((ban): ban is TunnelBan => ban.closed !== undefined)
    this.#pool = pool
    this.#clock = clock
  }

  /** @param host as `hostKey` gives it */
  ruleFor(host: string): TunnelBan | undefined {
    return this.#rules.find((rule) => isBanFor(rule, host))
  }

  /** A relay that observes how the target ends the tunnel. */
  relay(client: Socket, connection: UpstreamConnection, idle: IdleSteps, owner: RelayHandler, watch: Watch): Relay {
    return new WatchedRelay(client, connection, idle, owner, this.#clock, {
      ...watch,
      served: () => this.#served(connection.upstream, watch.host),
      closedAtOnce: () => this.#closedAtOnce(connection.upstream, watch),
    })
  }

  #recordOf(host: string): HostRecord {
    const known = this.#hosts.get(host)
    if (known !== undefined) return known
    const record: HostRecord = { rows: new Map(), served: [] }
    this.#hosts.set(host, record)
    return record
  }

  #served({ id }: Upstream, host: string): void {
    const record = this.#recordOf(host)
    record.rows.delete(id)
    const others = record.served.filter((one) => one.id !== id).slice(0, 1)
    record.served = [{ id, at: this.#clock.now() }, ...others]
  }

  #closedAtOnce(upstream: Upstream, { host, rule }: Watch): void {
    const { rows, served } = this.#recordOf(host)
    const now = this.#clock.now()
    const row = rows.get(upstream.id) ?? { count: 0, since: now }
    row.count++
    rows.set(upstream.id, row)
    if (rows.size > MAX_ROWS) dropFirst(rows)
    const othersServe = served.some(({ id, at }) => id !== upstream.id && at >= row.since - EVIDENCE_MS)
    if (row.count < rule.closed.times || !othersServe) return
    rows.delete(upstream.id)
    this.#pool.ban(upstream, host, now + rule.restMs, now)
  }
}

function dropFirst(rows: HostRecord['rows']): void {
  for (const id of rows.keys()) return void rows.delete(id)
}

interface Watch {
  /** In lower case. */
  readonly host: string
  readonly rule: TunnelBan
}

interface Findings {
  /** Called once at most, and then `closedAtOnce` is never called. */
  readonly served: () => void
  readonly closedAtOnce: () => void
}

class WatchedRelay extends Relay {
  readonly #clock: Clock
  readonly #hint: ClosedHint
  readonly #findings: Findings
  /** When the client sent its first octets; 0 before that. */
  #sentAt = 0
  #octets = 0
  #isFound = false

  constructor(
    client: Socket,
    connection: UpstreamConnection,
    idle: IdleSteps,
    owner: RelayHandler,
    clock: Clock,
    { rule, ...findings }: Watch & Findings,
  ) {
    super(client, connection, idle, owner)
    this.#clock = clock
    this.#hint = rule.closed
    this.#findings = findings
  }

  override toUpstream(chunk: Buffer): void {
    if (this.#sentAt === 0) this.#sentAt = this.#clock.now()
    super.toUpstream(chunk)
  }

  override received(chunk: Buffer): void {
    this.#count(chunk.length)
    super.received(chunk)
  }

  override receivedInBuffer(bytes: Buffer): boolean {
    this.#count(bytes.length)
    return super.receivedInBuffer(bytes)
  }

  override upstreamEnded(): void {
    this.#judge()
    super.upstreamEnded()
  }

  override upstreamErrored(): void {
    this.#judge()
    super.upstreamErrored()
  }

  #count(octets: number): void {
    this.#octets += octets
    if (this.#octets >= this.#hint.bytesUnder) this.#find(this.#findings.served)
  }

  /** The target has closed. A close after the client's own, or before the client sent anything, is no evidence. */
  #judge(): void {
    const { client } = this
    if (this.#sentAt === 0 || client.readableEnded || client.destroyed) return
    if (this.#clock.now() - this.#sentAt <= this.#hint.withinMs) this.#find(this.#findings.closedAtOnce)
  }

  #find(finding: () => void): void {
    if (this.#isFound) return
    this.#isFound = true
    finding()
  }
}
