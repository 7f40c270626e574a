/** A simulated cluster (sim-world.ts) whose hosts buy as the planner does; the vendor is the referee. */
import { ABORT_SLACK_MS } from '../../../src/ratelimit/sliding-window.ts'
import type { CallWindow } from '../../../src/store/account-store.ts'
import { syncScript } from '../../../src/store/redis/membership-scripts.ts'
import { RedisAccountStore } from '../../../src/store/redis/redis-account-store.ts'
import { HostClock, SimLink } from './sim-network.ts'
import { type SimHost, SimWorld } from './sim-world.ts'

const WINDOW: CallWindow = { key: 'w', calls: 3, perMs: 1_000, statedBy: 'order' }
/** With the small one the budget is what is short, with the large one the calls. */
const BUDGETS = [40, 1_000] as const
/** With the small one the channels are what is short. */
const CHANNELS = [8, 30] as const
const LIFE_MS = 5_000
const CALL_TIMEOUT_MS = 1_500
/** From the reservation to the latest arrival of its request: it leaves within one time-out, and is answered within another. */
const SETTLE_MS = 2 * CALL_TIMEOUT_MS + 1_000
const LEASE_MS = 3_000
const SYNC_MS = 1_000

interface Vendor {
  /** When each call arrived. */
  readonly arrivals: number[]
  /** When each address was sold. */
  readonly sold: number[]
}

class BuyingHost implements SimHost {
  readonly clock: HostClock
  readonly link: SimLink
  readonly store: RedisAccountStore
  readonly #name: string
  readonly #world: SimCluster
  #token: string | undefined

  constructor(name: string, world: SimCluster) {
    this.#name = name
    this.#world = world
    this.clock = new HostClock(world.clock)
    this.link = new SimLink(world, this.clock)
    this.store = new RedisAccountStore({
      clock: this.clock,
      runner: this.link,
      host: name,
      token: () => this.#token,
      leaveMs: CALL_TIMEOUT_MS,
      settleMs: SETTLE_MS,
    })
    this.#beat()
    this.#buy()
  }

  kill(): void {
    this.clock.kill()
  }

  async #beat(): Promise<void> {
    const ask = { host: this.#name, aliveMs: 5_000, report: '', leaseMs: LEASE_MS, mayLead: true, after: 0 }
    try {
      const told = (await this.link.run(syncScript, { ...ask, token: this.#token })) as {
        lead: { token: string; host: string }
      }
      this.#token = told.lead.host === this.#name ? told.lead.token : undefined
    } catch {
      // It keeps its token: the store refuses it when another host has taken over.
    }
    this.clock.after(SYNC_MS, () => void this.#beat())
  }

  #buy(): void {
    const { random } = this.#world
    this.clock.after(random() * 400, () => {
      this.#buy()
      // Whoever believes to be the planner, and now and then one that does not.
      if (this.#token !== undefined || random() < 0.05) void this.#order()
    })
  }

  async #order(): Promise<void> {
    const { random } = this.#world
    const count = 1 + Math.floor(random() * 3)
    const reserved = await this.store
      .reserve({
        ...{
          window: WINDOW,
          provider: 'p',
          count,
          budget: { perHour: this.#world.perHour },
          isDurable: true,
          lifeMs: LIFE_MS,
        },
        channels: { account: 'a', total: this.#world.channels },
        ceilings: [{ scope: 'pool', limit: 20, held: 0 }],
      })
      .catch(() => undefined)
    if (reserved?.kind !== 'reserved') return
    // A little later, as a connection takes time; what is too old by then does not leave.
    this.clock.after(random() * 50, () => {
      if (this.clock.now() > (reserved.leaveBy ?? 0)) this.store.settle(reserved.id, { kind: 'not-sent' })
      else this.#send(reserved.id, count)
    })
  }

  /** The request arrives late or not at all; so does the answer. */
  #send(id: number, count: number): void {
    const { clock, random, vendor } = this.#world
    let isOver = false
    const settle = (outcome: Parameters<RedisAccountStore['settle']>[1]) => {
      if (!isOver) this.store.settle(id, outcome)
      isOver = true
    }
    this.clock.after(CALL_TIMEOUT_MS, () =>
      settle({ kind: 'unknown', channelsUntil: this.clock.now() + ABORT_SLACK_MS + LIFE_MS }),
    )
    if (random() < 0.03) return
    // Aborted by then, it may arrive up to a second later.
    clock.after(random() < 0.05 ? random() * (CALL_TIMEOUT_MS + ABORT_SLACK_MS) : random() * 100, () => {
      vendor.arrivals.push(clock.now())
      const sold = random() < 0.1 ? 0 : count
      const bought = Array.from({ length: sold }, () => vendor.sold.push(clock.now()))
      if (random() < 0.03) return
      const endsAt = clock.now() + LIFE_MS
      const answered = () => {
        if (!isOver)
          this.store.hold(
            'a',
            bought.map((number) => ({ id: `address ${number}`, endsAt })),
          )
        settle(sold === 0 ? { kind: 'refused', isTooMany: false } : { kind: 'sold', count: sold })
      }
      clock.after(random() * 100, () => this.clock.run(answered))
    })
  }
}

export class SimCluster extends SimWorld<BuyingHost> {
  readonly vendor: Vendor = { arrivals: [], sold: [] }
  readonly perHour: number
  readonly channels: number

  constructor(seed: number, hosts: number) {
    super(seed, hosts)
    this.channels = CHANNELS[seed % 8 < 4 ? 0 : 1]
    this.perHour = BUDGETS[seed % 4 < 2 ? 0 : 1]
    this.start()
  }

  protected open(name: string): BuyingHost {
    return new BuyingHost(name, this)
  }

  protected readonly faultsOfHosts = { chance: 0.25, longestPauseMs: 8_000, longestCutMs: 8_000 }

  /** The vendor's view: it alone knows when what arrived. */
  check(): void {
    const { arrivals, sold } = this.vendor
    const perWindow = within(arrivals, WINDOW.calls, WINDOW.perMs)
    if (perWindow !== undefined) throw new Error(`${WINDOW.calls + 1} calls within a window at ${perWindow}`)
    const held = within(sold, this.channels, LIFE_MS)
    if (held !== undefined) throw new Error(`more addresses than ${this.channels} channels at ${held}`)
    if (sold.length > this.perHour) throw new Error(`${sold.length} addresses were sold, ${this.perHour} allowed`)
  }

  /** All hosts are well again: what the vendor sold is booked, and nothing is under way. */
  async settle(): Promise<void> {
    this.mendAll()
    await this.clock.run(20_000)
    this.check()
    const booked = Number(this.redis.command('HGET', 'turnpike:{test}:budget:p', 'total') ?? 0)
    const { length: sold } = this.vendor.sold
    if (booked < sold) throw new Error(`an order is lost: ${sold} sold, ${booked} booked`)
  }
}

/** @returns the first instant at which there were more than so many within the time before it */
function within(instants: readonly number[], most: number, ms: number): number | undefined {
  return instants
    .toSorted((a, b) => a - b)
    .find((at, index, all) => at - (all[index - most] ?? Number.NEGATIVE_INFINITY) < ms)
}
