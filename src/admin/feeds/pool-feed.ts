/**
 * The pool for the event stream. Of ten thousand upstreams some hundreds change in a second, so each is compared with the
 * figures that were sent last, and a report is made only for those that differ.
 */
import type { Clock } from '../../clock.ts'
import type { Upstream } from '../../pool/upstream.ts'
import type { PoolEvent } from '../api/schemas/events.ts'
import type { UpstreamChange, UpstreamReport } from '../api/schemas/pool.ts'
import { changingFacts, upstreamReport } from '../reports.ts'
import type { Feed } from './feed.ts'

interface PoolParts {
  readonly clock: Clock
  readonly members: () => IterableIterator<Upstream>
}

/** Rows in one event. */
const PIECE = 250
/** Most rows in the changes of one second; the others follow in the next. */
const MAX_CHANGES = 1_000

export class PoolFeed implements Feed {
  readonly #parts: PoolParts
  readonly #sent = new Map<string, SentUpstream>()
  /** Where in the list of changes the next event begins, so that every change is sent in time. */
  #turn = 0

  constructor(parts: PoolParts) {
    this.#parts = parts
  }

  begin(): void {
    for (const upstream of this.#parts.members()) this.#sent.set(upstream.id, new SentUpstream(upstream))
  }

  *first(): Iterable<PoolEvent> {
    let upstreams: UpstreamReport[] = []
    let isFirst = true
    for (const { upstream } of this.#sent.values()) {
      if (upstream.state === 'gone') continue
      upstreams.push(upstreamReport(upstream, this.#parts.clock))
      if (upstreams.length < PIECE) continue
      yield this.#event({ isFirst, upstreams })
      upstreams = []
      isFirst = false
    }
    if (isFirst || upstreams.length > 0) yield this.#event({ isFirst, upstreams })
  }

  *changes(): Iterable<PoolEvent> {
    const { added, changed } = this.#compare()
    const gone = this.#takeGone()
    if (added.length + changed.length + gone.length === 0) return
    const { clock } = this.#parts
    yield this.#event({
      upstreams: added.map((upstream) => upstreamReport(upstream, clock)),
      changed: changed.map((upstream) => changeOf(upstream, clock)),
      gone,
    })
  }

  #compare(): { added: readonly Upstream[]; changed: readonly Upstream[] } {
    const added: Upstream[] = []
    const differing: SentUpstream[] = []
    for (const upstream of this.#parts.members()) {
      const sent = this.#sent.get(upstream.id)
      if (sent?.upstream === upstream) {
        if (sent.differs()) differing.push(sent)
      } else if (added.length < MAX_CHANGES) {
        added.push(upstream)
        this.#sent.set(upstream.id, new SentUpstream(upstream))
      }
    }
    return { added, changed: this.#inTurn(differing) }
  }

  #inTurn(differing: readonly SentUpstream[]): readonly Upstream[] {
    const count = Math.min(differing.length, MAX_CHANGES)
    const start = differing.length > MAX_CHANGES ? this.#turn % differing.length : 0
    this.#turn = start + count
    const chosen = [
      ...differing.slice(start, start + count),
      ...differing.slice(0, Math.max(0, start + count - differing.length)),
    ]
    for (const sent of chosen) sent.note()
    return chosen.map(({ upstream }) => upstream)
  }

  #takeGone(): string[] {
    const gone: string[] = []
    for (const [id, { upstream }] of this.#sent) {
      if (upstream.state !== 'gone') continue
      gone.push(id)
      this.#sent.delete(id)
    }
    return gone
  }

  #event(members: Partial<PoolEvent>): PoolEvent {
    return { isFirst: false, total: this.#sent.size, upstreams: [], changed: [], gone: [], ...members }
  }

  end(): void {
    this.#sent.clear()
  }
}

/** The figures of an upstream as they were sent last. */
class SentUpstream {
  readonly upstream: Upstream
  #state = ''
  #deadline = 0
  #leases = 0
  #quietLeases = 0
  #sessions = 0
  #opened = 0
  #uses = 0
  #failures = 0
  #restUntil = 0
  #latencyMs = 0

  constructor(upstream: Upstream) {
    this.upstream = upstream
    this.note()
  }

  differs(): boolean {
    const { upstream: now } = this
    return (
      now.opened !== this.#opened ||
      now.leases !== this.#leases ||
      now.state !== this.#state ||
      now.quietLeases !== this.#quietLeases ||
      now.sessions !== this.#sessions ||
      now.uses !== this.#uses ||
      now.consecutiveFailures !== this.#failures ||
      now.restUntil !== this.#restUntil ||
      now.deadline !== this.#deadline ||
      now.latencyMs !== this.#latencyMs
    )
  }

  note(): void {
    const { upstream: now } = this
    this.#opened = now.opened
    this.#leases = now.leases
    this.#state = now.state
    this.#quietLeases = now.quietLeases
    this.#sessions = now.sessions
    this.#uses = now.uses
    this.#failures = now.consecutiveFailures
    this.#restUntil = now.restUntil
    this.#deadline = now.deadline
    this.#latencyMs = now.latencyMs
  }
}

function changeOf(upstream: Upstream, clock: Clock): UpstreamChange {
  return { id: upstream.id, ...changingFacts(upstream, clock) }
}
