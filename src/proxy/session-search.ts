/** Requests for which other processes are asked first: for the session, and whether an address can be theirs alone. */
import { GatewayError } from '../errors.ts'
import type { LeaseRequest, SessionDirectory } from './lease-contract.ts'
import type { SessionTable } from './session-table.ts'

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
    return !this.#needsOwners(request) && this.#isHere(request.sessionKey)
  }

  #isHere(sessionKey: string | undefined): boolean {
    return this.#directory === undefined || sessionKey === undefined || this.#sessionTable.has(sessionKey)
  }

  #needsOwners({ uses, filter }: LeaseRequest): boolean {
    return this.#directory?.eachOwned !== undefined && (uses > 0 || filter.limits?.exclusive === true)
  }

  /** @param known called once, unless the request is withdrawn or denied */
  ask(request: LeaseRequest, known: () => void): void {
    this.#asking.add(request)
    const askForSession = () =>
      this.lookUp(request.sessionKey, () => {
        if (this.#asking.delete(request)) known()
      })
    if (!this.#needsOwners(request)) return void askForSession()
    this.#directory?.eachOwned?.((isOwned) => {
      if (isOwned) return void askForSession()
      const message = 'no upstream can be lent to one session alone at the moment'
      if (this.#asking.delete(request)) request.denied(new GatewayError('GW_POOL_EMPTY', message))
    })
  }

  /** Calls back when the session is here, if it lives in any process: at once where there is no other. */
  lookUp(sessionKey: string | undefined, found: () => void): void {
    if (sessionKey === undefined || this.#isHere(sessionKey)) return void found()
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
