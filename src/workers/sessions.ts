/**
 * Sessions of all workers: the table of the control process is the directory. A worker asks once for a session that is new to
 * it; of two workers that ask at the same time the first one chooses the upstream, and the other waits for its choice.
 */
import type { Clock, Timer } from '../clock.ts'
import { given } from '../given.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { SessionDirectory } from '../proxy/lease-contract.ts'
import type { CarriedSession, Session, SessionStore, SessionTable } from '../proxy/session-table.ts'
import { Acknowledgements } from './acknowledgements.ts'
import type { SessionPlace, ToControl, ToWorker } from './messages.ts'

/** So long a worker may take to choose, ms. */
const PENDING_MS = 3_000
/** The use of sessions is reported this often, ms. */
const USED_EVERY_MS = 10_000

type Found = Parameters<SessionDirectory['find']>[1]

/** The side of a worker. */
export class WorkerSessions implements SessionDirectory, SessionStore {
  readonly #clock: Clock
  readonly #send: (message: ToControl) => boolean
  readonly #questions = new Map<number, { readonly key: string; readonly found: Found; readonly timer: Timer }>()
  #asked = 0
  readonly #used = new Set<string>()
  /** Keys of the sessions that were put on each upstream here, and where each of them is. */
  readonly #keysOn = new Map<string, Set<string>>()
  readonly #placeOf = new Map<string, string>()
  /** Sessions that were put on an upstream while there was no control process. */
  readonly #untold = new Set<string>()
  /** Where sessions were put here, until the control process sends it back: what it sends before that is older. */
  readonly #unconfirmed = new Map<string, string>()
  /** Clients that wait until each upstream belongs to one worker. */
  #waiting: ((isOwned: boolean) => void)[] = []
  readonly #isOwned: () => boolean
  readonly acknowledgements: Acknowledgements
  #timer: Timer | undefined

  /**
   * @param send returns false while there is no control process
   * @param isOwned whether each upstream belongs to one worker
   */
  constructor(clock: Clock, send: (message: ToControl) => boolean, isOwned: () => boolean) {
    this.#clock = clock
    this.#isOwned = isOwned
    this.#send = send
    this.acknowledgements = new Acknowledgements(clock, (question) => send({ kind: 'acknowledge', question }))
  }

  /** While there is no control process the next one is waited for. Without an answer the session is this worker's alone. */
  find(key: string, found: Found): void {
    const question = ++this.#asked
    this.#send({ kind: 'find', question, key })
    const timer = this.#clock.after(PENDING_MS + 1_000, () => this.answer(question, undefined))
    this.#questions.set(question, { key, found, timer })
  }

  answer(question: number, upstreamId: string | undefined, left?: readonly string[]): void {
    const asked = this.#questions.get(question)
    this.#questions.delete(question)
    asked?.timer.clear()
    if (asked === undefined) return
    if (this.#unconfirmed.has(asked.key)) return void asked.found(undefined)
    if (upstreamId !== undefined) this.placed(asked.key, upstreamId)
    asked.found(upstreamId, left)
  }

  /** The control process says where the session is. @returns false when this worker has put it elsewhere since */
  isCurrent(key: string, id: string): boolean {
    const sent = this.#unconfirmed.get(key) ?? id
    if (sent === id) this.#unconfirmed.delete(key)
    return sent === id
  }

  eachOwned(then: (isOwned: boolean) => void): void {
    if (this.#isOwned()) then(true)
    else if (this.#waiting.length > 0 || this.#send({ kind: 'each-owned' })) this.#waiting.push(then)
    else then(false)
  }

  allKnow(then: () => void): void {
    this.acknowledgements.awaitAll(then)
  }

  /** Each upstream belongs to one worker now. */
  agreed(isOwned = true): void {
    for (const then of this.#waiting.splice(0)) then(isOwned)
  }

  /** The control process has ended: the next one is asked. */
  disconnected(): void {
    this.#unconfirmed.clear()
    this.agreed(false)
    this.acknowledgements.suspend()
  }

  /** Another control process has what this worker knows. */
  connected(): void {
    for (const [question, { key }] of this.#questions) this.#send({ kind: 'find', question, key })
    this.acknowledgements.resume()
  }

  /** Keys of sessions that live, or have lived, on an upstream. */
  keysOn(id: string): Iterable<string> {
    return this.#keysOn.get(id) ?? []
  }

  /** The session is known here. */
  placed(key: string, id: string): void {
    this.#unplace(key)
    this.#placeOf.set(key, id)
    const keys = this.#keysOn.get(id)
    if (keys === undefined) this.#keysOn.set(id, new Set([key]))
    else keys.add(key)
  }

  #unplace(key: string): void {
    const id = this.#placeOf.get(key)
    if (id === undefined) return
    this.#placeOf.delete(key)
    const keys = this.#keysOn.get(id)
    keys?.delete(key)
    if (keys?.size === 0) this.#keysOn.delete(id)
  }

  session(key: string, id: string): void {
    this.placed(key, id)
    if (this.#send({ kind: 'session', key, id })) this.#unconfirmed.set(key, id)
    else this.#untold.add(key)
  }

  /** For the next control process. */
  takeUntold(): readonly SessionPlace[] {
    const untold = [...this.#untold].map((key) => [key, this.#placeOf.get(key) ?? ''] as const)
    this.#untold.clear()
    return untold
  }

  sessionUsed(key: string): void {
    this.#used.add(key)
    this.#timer ??= this.#clock.after(USED_EVERY_MS, () => {
      this.#timer = undefined
      if (this.#send({ kind: 'sessions-used', keys: [...this.#used] })) this.#used.clear()
    })
  }

  /** Here: another worker may use it, and its idle time is the control process's to count. */
  sessionEnded(key: string): void {
    this.#used.delete(key)
    this.#untold.delete(key)
    this.#unconfirmed.delete(key)
    this.#unplace(key)
  }

  close(): void {
    this.#timer?.clear()
    for (const { timer } of this.#questions.values()) timer.clear()
    this.acknowledgements.close()
  }
}

interface Pending {
  readonly worker: number
  readonly waiting: { readonly worker: number; readonly question: number }[]
  readonly timer: Timer
}

interface SessionsDeps {
  readonly clock: Clock
  readonly table: SessionTable
  readonly upstreamOf: (id: string) => Upstream | undefined
  /** Workers may hold upstreams that this process has not read yet. */
  readonly isReading: () => boolean
  readonly send: (worker: number, message: ToWorker) => void
  readonly sendAll: (message: ToWorker) => void
}

/** The side of the control process. */
export class SessionsOfWorkers {
  readonly #deps: SessionsDeps
  readonly #pending = new Map<string, Pending>()
  #byUpstream: Map<string, Session[]> | undefined

  constructor(deps: SessionsDeps) {
    this.#deps = deps
  }

  find(worker: number, question: number, key: string): void {
    const { clock, table, isReading } = this.#deps
    const session = table.find(key)
    if (session !== undefined && session.upstream.state !== 'gone') {
      this.#answer(worker, question, session.upstream.id, session.left)
      if (session.mustMove) this.#deps.send(worker, { kind: 'rotate', key })
      return
    }
    const place = session === undefined && isReading() ? table.placeOf(key) : undefined
    if (place !== undefined) return void this.#answer(worker, question, place)
    const pending = this.#pending.get(key)
    if (pending === undefined) {
      const timer = clock.after(PENDING_MS, () => this.#over(key, undefined))
      this.#pending.set(key, { worker, waiting: [], timer })
      this.#answer(worker, question, undefined)
    } else pending.waiting.push({ worker, question })
  }

  #answer(worker: number, question: number, id: string | undefined, left: readonly Upstream[] = []): void {
    const former = left.length === 0 ? undefined : left.map((upstream) => upstream.id)
    this.#deps.send(worker, { kind: 'found', question, ...given({ id, left: former }) })
  }

  #over(key: string, id: string | undefined): void {
    const pending = this.#pending.get(key)
    if (pending === undefined) return
    this.#pending.delete(key)
    pending.timer.clear()
    for (const { worker, question } of pending.waiting) this.#answer(worker, question, id)
  }

  /** A worker has put the session on an upstream, a first or another one. */
  bound(worker: number, key: string, id: string): void {
    const { table, upstreamOf, isReading, send, sendAll } = this.#deps
    const upstream = upstreamOf(id)
    const isKnown = table.has(key)
    if (upstream !== undefined) table.bind(key, upstream)
    else if (isKnown && isReading()) table.placeLater(key, id)
    // The first choice is known to the workers that asked; a later one is sent to all workers that have the session. Each is sent
    // back to its own: where two move it at the same moment, the order in which they arrive here holds for both.
    if (isKnown) sendAll({ kind: 'session', key, id })
    else send(worker, { kind: 'session', key, id })
    if (upstream !== undefined) this.#over(key, id)
  }

  /** Of an upstream whose owner has not said them. */
  livingOn(id: string): readonly CarriedSession[] {
    const { table } = this.#deps
    if (this.#byUpstream === undefined) {
      this.#byUpstream = Map.groupBy(table.list(), ({ upstream }) => upstream.id)
      // For all that are placed at this moment.
      queueMicrotask(() => {
        this.#byUpstream = undefined
      })
    }
    const sessions = this.#byUpstream.get(id) ?? []
    return sessions.map((session) => ({ key: session.key, idleMs: table.idleMs - table.endsInMs(session) }))
  }

  used(keys: readonly string[]): void {
    for (const key of keys) this.#deps.table.find(key)
  }

  /**
   * A worker that has come says which sessions live in it.
   * @param moved it has put them there while there was no control process; of the others, another worker may have moved some
   */
  known(worker: number, sessions: readonly SessionPlace[], moved: readonly SessionPlace[]): void {
    const { table, send } = this.#deps
    // Lists are read later than workers come.
    table.restore(
      sessions.filter(([key]) => !table.has(key)).map(([key, upstreamId]) => ({ key, upstreamId, idleMs: 0 })),
    )
    for (const [key, id] of moved) this.bound(worker, key, id)
    for (const [key, id] of sessions) {
      const now = table.placeOf(key) ?? id
      if (now !== id) send(worker, { kind: 'session', key, id: now })
    }
  }

  /** Those who wait for the choice of a worker that has ended may choose themselves. */
  left(worker: number): void {
    for (const [key, pending] of [...this.#pending]) if (pending.worker === worker) this.#over(key, undefined)
  }

  close(): void {
    for (const { timer } of this.#pending.values()) timer.clear()
    this.#pending.clear()
  }
}
