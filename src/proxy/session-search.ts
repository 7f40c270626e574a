/** Requests for which other processes are asked first: for the session, and whether an address can be theirs alone. */
import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { LeaseRequest, SessionDirectory } from './lease-contract.ts'
import { isSpent, type Session, type SessionTable } from './session-table.ts'

/** Whether the upstream of a session can serve it as before. */
type CanServe = (upstream: Upstream, request: LeaseRequest) => boolean

export class SessionSearch {
  readonly #sessionTable: SessionTable
  readonly #directory: SessionDirectory | undefined
  readonly #canServe: CanServe
  /** Requests for which others are asked, and the end of their time. */
  readonly #asking = new Map<LeaseRequest, Timer>()

  /** @param directory undefined: there are no other processes */
  constructor(sessionTable: SessionTable, directory: SessionDirectory | undefined, canServe: CanServe = () => true) {
    this.#sessionTable = sessionTable
    this.#directory = directory
    this.#canServe = canServe
  }

  /** Whether no other process need be asked. */
  isKnown(request: LeaseRequest): boolean {
    return !this.#needsOwners(request) && this.#isHere(request.sessionKey, 0) && !this.#mustMove(request)
  }

  /** Whether the session is about to move to another upstream of all hosts, because its own has ended: it must be one and the same. */
  #mustMove(request: LeaseRequest): boolean {
    const session = this.#ofCluster(request)
    if (session === undefined || request.sessionUse !== 'own' || request.strict) return false
    return !this.#canServe(session.upstream, request)
  }

  /** Workers of one host receive each other's moves at once. */
  #ofCluster({ sessionKey }: Pick<LeaseRequest, 'sessionKey'>): Session | undefined {
    if (sessionKey === undefined || this.#directory === undefined || this.#directory.eachOwned !== undefined)
      return undefined
    return this.#sessionTable.peek(sessionKey)
  }

  #isHere(sessionKey: string | undefined, uses: number): boolean {
    if (this.#directory === undefined || sessionKey === undefined) return true
    if (this.#sessionTable.peek(sessionKey)?.isUnconfirmed === true) return false
    const session = uses > 0 ? this.#sessionTable.find(sessionKey) : undefined
    // After its uses another process may have moved it, and the message may still be on its way.
    return session === undefined ? this.#sessionTable.has(sessionKey) : !isSpent(session, uses)
  }

  #needsOwners({ uses, filter }: LeaseRequest): boolean {
    return this.#directory?.eachOwned !== undefined && (uses > 0 || filter.limits?.exclusive === true)
  }

  /**
   * @param limit how long the request may wait for the answer
   * @param known called once, unless the request is withdrawn or denied; late: without an answer
   */
  ask(
    request: LeaseRequest,
    limit: { readonly clock: Pick<Clock, 'after'>; readonly ms: number },
    known: (isLate: boolean) => void,
  ): void {
    const end = (isLate: boolean) => {
      if (this.#forget(request)) known(isLate)
    }
    this.#asking.set(
      request,
      limit.clock.after(limit.ms, () => end(true)),
    )
    const left = this.#mustMove(request) ? this.#ofCluster(request)?.upstream.id : undefined
    const askForSession = () => this.#lookUp(request, left, () => end(false))
    if (!this.#needsOwners(request)) return void askForSession()
    this.#directory?.eachOwned?.((isOwned) => {
      if (isOwned) return void askForSession()
      const message = 'no upstream can be lent to one session alone at the moment'
      if (this.#forget(request)) request.denied(new GatewayError('GW_POOL_EMPTY', message))
    })
  }

  /** Calls back when the session is here, if it lives in any process: at once where there is no other. */
  lookUp(sessionKey: string, found: () => void, uses = 0): void {
    this.#lookUp({ sessionKey, uses }, undefined, found)
  }

  /** @param left what its session cannot use any more */
  #lookUp(
    { sessionKey, uses }: Pick<LeaseRequest, 'sessionKey' | 'uses'>,
    left: string | undefined,
    found: () => void,
  ): void {
    if (sessionKey === undefined || (left === undefined && this.#isHere(sessionKey, uses))) return void found()
    const onFound = (upstreamId: string | undefined, former?: readonly string[], isUnanswered = false) => {
      if (upstreamId !== undefined) this.#sessionTable.learn(sessionKey, upstreamId, former)
      if (!isUnanswered) this.#sessionTable.confirm(sessionKey, upstreamId !== undefined || left !== undefined)
      found()
    }
    this.#directory?.find(sessionKey, onFound, left)
  }

  /** Calls back when each other process of this host knows where sessions have been put here; at once where there is none. */
  whenKnown(then: () => void): void {
    if (this.#directory?.allKnow === undefined) then()
    else this.#directory.allKnow(then)
  }

  withdraw(request: LeaseRequest): void {
    this.#forget(request)
  }

  /** @returns whether others were asked for it */
  #forget(request: LeaseRequest): boolean {
    this.#asking.get(request)?.clear()
    return this.#asking.delete(request)
  }

  /** Denies all for which others are asked. */
  close(error: GatewayError): void {
    for (const request of this.#asking.keys()) if (this.#forget(request)) request.denied(error)
  }
}
