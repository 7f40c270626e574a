/**
 * Clients of upstreams that are far away and now and then out of order, on a clock of its own: tunnels with the queue, the pool,
 * the health and the hedges of the gateway, over dials that open, break or stay silent as the model says.
 */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Target } from '../../../src/address.ts'
import type { ClientPort } from '../../../src/downstream/client-port.ts'
import type { ClientConnection } from '../../../src/downstream/client-request.ts'
import { anonymous } from '../../../src/downstream/proxy-auth.ts'
import type { GatewayError } from '../../../src/errors.ts'
import { Health } from '../../../src/pool/health.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { Hedging } from '../../../src/proxy/hedging.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import type { Relay } from '../../../src/proxy/relay.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { Tunnel, type TunnelDeps } from '../../../src/proxy/tunnel.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import type { Strategy } from '../../../src/strategy.ts'
import { LinkedList } from '../../../src/structures/linked-list.ts'
import { TimeoutQueue } from '../../../src/structures/timeout-queue.ts'
import type { DialHandler, UpstreamConnection } from '../../../src/upstream/connection.ts'
import type { Connector } from '../../../src/upstream/connector.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainRoute } from '../../support/plain-client.ts'
import { facts, sequence } from '../pool/pool-fixture.ts'

interface FarSettings {
  readonly upstreams: number
  readonly rttMs: number
  /** Part of the upstreams that is out of order: one half of them resets connections, the other is silent. */
  readonly badShare: number
  /** How long an upstream stays in order, or out of order. */
  readonly spellMs: number
  readonly strategy: Strategy
  readonly seed: number
}

/** What became of one client. */
interface FarResult {
  /** `opened`, or the code of the error. */
  readonly code: string
  readonly waitedMs: number
  /** The upstreams that were dialled, and what each did, in the order of the dials. */
  readonly dials: readonly string[]
}

const TARGET: Target = { host: 'site.test', port: 443, authority: 'site.test:443' }

export class FarWorld {
  readonly clock = new FakeClock()
  readonly results: FarResult[] = []
  readonly #settings: FarSettings
  readonly #random: () => number
  readonly #pool: Pool
  readonly #deps: Omit<TunnelDeps, 'connector'>

  constructor(settings: FarSettings) {
    const { clock } = this
    this.#settings = settings
    this.#random = sequence(settings.seed)
    const pool = new Pool(
      { minLife: 0, perUpstream: { connections: 0, uses: 0, hostRest: 0 } },
      {
        lendable: (upstream) => leaseQueue.serve(upstream),
        rescheduled: () => {},
        gone: (upstream) => this.#add(`${upstream.id}'`),
      },
      this.#random,
    )
    this.#pool = pool
    const sessionTable = new SessionTable(pool, { idle: 600_000, max: 10 }, clock, forgetfulStore())
    const supply = { asked: () => {}, queueChanged: () => {}, outlook: () => undefined }
    const leaseQueue: LeaseQueue = new LeaseQueue(
      pool,
      sessionTable,
      supply,
      { timeoutMs: 10_000, queue: 1_000 },
      clock,
    )
    const nothing = () => {}
    const health = new Health(
      pool,
      { rest: 5_000, maxRest: 120_000, evictAfter: 3, evidence: 60_000 },
      { firstUse: nothing, lineDown: nothing, lineUp: nothing },
    )
    this.#deps = {
      ...{ clock, pool, health, leaseQueue, sessionTable, tries: 3, bans: undefined, opening: { count: 0 } },
      routes: { route: () => ({ ...plainRoute, strategy: settings.strategy }) },
      deadlines: new TimeoutQueue(clock, 20_000),
      hedging: new Hedging(clock, 'auto', 1_000),
      idle: { list: new TimeoutQueue(clock, 10_000), steps: 60 },
      relays: new LinkedList<Relay>(),
      observer: {
        began: nothing,
        opened: nothing,
        tryFailed: nothing,
        tryAbandoned: nothing,
        refused: nothing,
        ended: nothing,
        requestRefused: nothing,
        handshakeRefused: nothing,
        acceptFailed: nothing,
        loginsFailed: nothing,
        certificateChanged: nothing,
        certificateRefused: nothing,
      },
    }
    for (let n = 0; n < settings.upstreams; n++) this.#add(`${n}`)
  }

  #add(id: string): void {
    this.#pool.add(facts(id, { deadline: Number.POSITIVE_INFINITY }), this.clock.now())
  }

  /** So many clients, one every `gapMs` on average. */
  run(clients: number, gapMs: number): void {
    for (let n = 0; n < clients; n++) {
      this.#client()
      const gap = 2 * gapMs * this.#random()
      this.#pool.advance(this.clock.now())
      this.clock.advance(gap)
    }
    this.clock.advance(60_000)
  }

  #client(): void {
    const beganAt = this.clock.now()
    const dials: string[] = []
    const end = (code: string) => void this.results.push({ code, waitedMs: this.clock.now() - beganAt, dials })
    const request: ClientConnection = {
      ...{ protocol: 'connect', identity: anonymous, target: TARGET, socket: fakeSocket(), clientAddress: '192.0.2.9' },
      accept: () => end('opened'),
      join: (relay) => relay.close(),
      refuse: (error: GatewayError) => end(error.code),
      ...{ admission: undefined, destroy: () => {}, octets: () => [0, 0], countOctets: () => [0, 0] },
    }
    const dial = (upstream: Upstream, _: Target, owner: DialHandler) => this.#dial(upstream, owner, dials)
    const deps = { ...this.#deps, connector: { dial } as unknown as Connector }
    const { strategy } = this.#settings
    new Tunnel(request, {} as ClientPort, { ...plainRoute, strategy }, deps).begin()
  }

  #dial(upstream: Upstream, owner: DialHandler, dials: string[]): UpstreamConnection {
    const { clock } = this
    const { rttMs, badShare } = this.#settings
    const startedAt = clock.now()
    let timer = { clear: () => {} }
    const connection = {
      ...{ upstream, startedAt, wasWarm: false, socket: fakeSocket(), relay: undefined },
      destroy: () => timer.clear(),
      releaseBuffer: () => {},
      retireBuffer: () => {},
    } as unknown as UpstreamConnection
    const mood = scatter(Number.parseInt(upstream.id, 10), Math.floor(startedAt / this.#settings.spellMs))
    const how = mood >= badShare ? 'opens' : mood < badShare / 2 ? 'resets' : 'silent'
    dials.push(`${upstream.id} ${how}`)
    if (how === 'opens') timer = clock.after(2 * rttMs, () => owner.opened(connection, undefined))
    else {
      const failure = { kind: 'unanswered', how: how === 'resets' ? 'closed' : 'silent' } as const
      timer = clock.after(how === 'resets' ? rttMs : 8_000, () => owner.failed(connection, failure))
    }
    return connection
  }
}

function fakeSocket(): Socket {
  return Object.assign(new EventEmitter(), {
    destroy: () => {},
    destroyed: false,
    bytesRead: 0,
    bytesWritten: 0,
  }) as unknown as Socket
}

/** The same for the same two numbers, and as good as random over many: in [0, 1). */
function scatter(a: number, b: number): number {
  let x = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32
}
