/** Receives the events of clients for counters and log. Called for every client, so it must be very cheap. `now`: clock ms. */
import type { PortObserver } from '../downstream/client-port.ts'
import type { GatewayError } from '../errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { DialFailure } from '../upstream/connection.ts'
import type { OpenConnection, RefusedRequest } from './connection-log.ts'
import type { RelayEnd } from './relay.ts'

/** The client and its request. */
export interface StreamInfo extends OpenConnection {
  /** The life that the client requested of the upstream, and the life it then had, ms. Undefined when none was requested. */
  readonly life: { readonly askedMs: number; readonly leftMs: number } | undefined
  /** HTTP status of the answer that was passed on to a plain request. */
  readonly status: number | undefined
}

export interface StreamObserver extends PortObserver {
  began(stream: StreamInfo): void
  /** @param tookMs from the request to the open tunnel or the answer, waiting included */
  opened(stream: StreamInfo, upstream: Upstream, tookMs: number): void
  tryFailed(stream: StreamInfo, upstream: Upstream, failure: DialFailure, now: number): void
  /** The client has left, the time is over, or another try was faster: the upstream is not blamed. */
  tryAbandoned(stream: StreamInfo, upstream: Upstream): void
  refused(stream: StreamInfo, error: GatewayError): void
  /** @param end how it ended; undefined when the client left before anything was open */
  ended(stream: StreamInfo, end: RelayEnd | undefined, upBytes: number, downBytes: number, now: number): void
  /** Refused before it was served: by its route or the limits of its user. `handshakeRefused` has counted it. */
  requestRefused(request: RefusedRequest, error: GatewayError): void
  /** So many logins of this client address have failed since it was reported last. */
  loginsFailed(client: string, failures: number): void
}
