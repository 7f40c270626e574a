/** Requests for which other processes are asked first: for the session, and whether an address can be theirs alone. */
import { GatewayError } from '../errors.ts'
import type { LeaseRequest, SessionDirectory } from './lease-contract.ts'
import { isSpent, type SessionTable } from './session-table.ts'

export class SessionSearch {
  readonly #sessionTable: SessionTable
  readonly #directory: SessionDirectory | undefined
  readonly #asking = new Set<LeaseRequest>()

  /** @param directory undefined: there are no other processes */
  constructor(sessionTable: SessionTable, directory: SessionDirectory | undefined) {
    this.#sessionTable = sessionTable
    this.#directory = directory
  }

  /** Whether no other process need be asked. */
  isKnown(request: LeaseRequest): boolean {
    return !this.#needsOwners(request) && this.#isHere(request.sessionKey, 0)
  }

  #isHere(sessionKey: string | undefined, uses: number): boolean {
    if (this.#directory === undefined || sessionKey === undefined) return true
    const session = uses > 0 ? this.#sessionTable.find(sessionKey) : undefined
    // After its uses another process may have moved it, and the message may still be on its way.
    return session === undefined ? this.#sessionTable.has(sessionKey) : !isSpent(session, uses)
  }

  #needsOwners({ uses, filter }: LeaseRequest): boolean {
    return this.#directory?.eachOwned !== undefined && (uses > 0 || filter.limits?.exclusive === true)
  }

  /** @param known called once, unless the request is withdrawn or denied */
  ask(request: LeaseRequest, known: () => void): void {
    this.#asking.add(request)
    const askForSession = () =>
      this.lookUp(
        request.sessionKey,
        () => {
          if (this.#asking.delete(request)) known()
        },
        request.uses,
      )
    if (!this.#needsOwners(request)) return void askForSession()
    this.#directory?.eachOwned?.((isOwned) => {
      if (isOwned) return void askForSession()
      const message = 'no upstream can be lent to one session alone at the moment'
      if (this.#asking.delete(request)) request.denied(new GatewayError('GW_POOL_EMPTY', message))
    })
  }

  /**
   * Calls back when the session is here, if it lives in any process: at once where there is no other.
   * @param uses so many on one upstream; 0: no limit
   */
  lookUp(sessionKey: string | undefined, found: () => void, uses = 0): void {
    if (sessionKey === undefined || this.#isHere(sessionKey, uses)) return void found()
    this.#directory?.find(sessionKey, (upstreamId, left) => {
      if (upstreamId !== undefined) this.#sessionTable.learn(sessionKey, upstreamId, left)
      found()
    })
  }

  withdraw(request: LeaseRequest): void {
    this.#asking.delete(request)
  }

  /** Denies all for which others are asked. */
  close(error: GatewayError): void {
    for (const request of this.#asking) request.denied(error)
    this.#asking.clear()
  }
}
