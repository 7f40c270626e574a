/** One tunnel (CONNECT, SOCKS), from the request to the last octet. attempt.ts has the part before it opens. */

import type { GatewayError } from '../errors.ts'
import type { PendingTunnel, TunnelRequest } from '../net/client-request.ts'
import type { Leg } from '../net/leg.ts'
import { type IdleSteps, Relay, type RelayEnd, type RelayOwner } from '../net/relay.ts'
import type { Upstream } from '../pool/upstream.ts'
import { Attempt, type AttemptDeps } from './attempt.ts'
import type { Route } from './router.ts'

export interface TunnelDeps extends AttemptDeps {
  readonly idle: IdleSteps
  /** Open relays, by the upstream they go through. */
  readonly relays: Set<Relay>
}

export class Tunnel extends Attempt implements PendingTunnel, RelayOwner {
  readonly #request: TunnelRequest
  readonly #deps: TunnelDeps

  constructor(request: TunnelRequest, route: Route, deps: TunnelDeps) {
    super(request, route, deps)
    this.#request = request
    this.#deps = deps
  }

  get protocol(): TunnelRequest['protocol'] {
    return this.#request.protocol
  }

  get clientAddress(): string {
    return this.#request.clientAddress
  }

  get account(): string | undefined {
    return this.#request.identity.account
  }

  protected dial(upstream: Upstream): Leg {
    return this.#deps.dialler.dial(upstream, this.#request.host, this.#request.port, this)
  }

  /** The line of no return: past it no other upstream is tried. */
  protected take(leg: Leg, early: Buffer | undefined): void {
    this.succeeded(leg.upstream)
    this.#request.accept(leg.upstream.id, (client) => {
      const relay = new Relay(client, leg, this.#deps.idle, this)
      this.#deps.relays.add(relay)
      return relay
    })
    if (early !== undefined) leg.relay?.send(early)
  }

  protected sayRefused(error: GatewayError): void {
    this.#request.refuse(error)
  }

  relayEnded(relay: Relay, end: RelayEnd): void {
    this.finished = true
    this.#deps.relays.delete(relay)
    if (relay.isQuiet) this.relayQuiet(relay, false)
    if (this.upstream !== undefined) this.#deps.pool.release(this.upstream, true)
    this.upstream = undefined
    const { bytesRead, bytesWritten } = relay.client
    this.#deps.observer.ended(this, end, bytesRead, bytesWritten)
  }

  relayQuiet(_relay: Relay, isQuiet: boolean): void {
    if (this.upstream !== undefined) this.upstream.quietLeases += isQuiet ? 1 : -1
  }
}
