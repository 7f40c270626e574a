/** A client's request, independent of its protocol. */
import type { Socket } from 'node:net'
import type { Target } from '../address.ts'
import type { GatewayError } from '../errors.ts'
import type { ExceptionOwner } from '../internal-errors.ts'
import type { Relay } from '../proxy/relay.ts'
import type { Strategy } from '../strategy.ts'
import type { AdmittedConnection } from './admission.ts'
import type { ClientOptions } from './client-options.ts'

/** Settings of a port, or a user, that override the general ones. Undefined members: no override. */
export interface TrafficSettings {
  readonly rotation?:
    | {
        readonly strategy?: Strategy | undefined
        /** Plain HTTP: one upstream for a client's connection, or for each request. */
        readonly per?: 'connection' | 'request' | undefined
        /** Plain HTTP: answers of an upstream after which another one may be tried. */
        readonly retryStatuses?: readonly number[] | undefined
      }
    | undefined
  readonly perUpstream?:
    | {
        /** 0 = no limit. */
        readonly connections?: number | undefined
        readonly uses?: number | undefined
        /** ms */
        readonly hostRest?: number | undefined
      }
    | undefined
}

/** The client and its options, before a target is reached. */
export interface ClientIdentity {
  /** Configured user, or the free account text where no users are configured. */
  readonly account: string | undefined
  /** The configured user whose password was right; undefined where no users are configured. */
  readonly user: string | undefined
  readonly options: ClientOptions
  /** The permitted providers of the account; undefined: all. */
  readonly providers: readonly string[] | undefined
  /** Settings of the configured user that override those of its port. */
  readonly traffic?: TrafficSettings | undefined
}

/**
 * A client's connection, as what serves it sees it. When it waits for a tunnel (CONNECT, SOCKS), exactly one of `accept` and
 * `refuse` is called, once; both write to the client at once. `join` follows `accept` at once.
 */
export interface ClientConnection extends AdmittedConnection {
  readonly protocol: 'connect' | 'socks5' | 'socks4'
  readonly identity: ClientIdentity
  /** Never resolved here. */
  readonly target: Target
  readonly socket: Socket
  /** Octets from the client and to it that `countOctets` has not counted yet. */
  octets(): readonly [up: number, down: number]
  countOctets(): readonly [up: number, down: number]
  /**
   * The upstream has opened the tunnel: informs the client.
   * @param lifeMs the remaining life of the upstream, if the client asked for a life
   */
  accept(upstreamId: string, lifeMs: number | undefined): void
  /** From now on the client's octets, including the early ones, and its events go to this relay. */
  join(relay: Relay): void
  /** Sends the error to the client, and ends the connection. */
  refuse(error: GatewayError): void
}

/** Serves one request: a tunnel, an exchange of plain HTTP, or a command for a session. */
export interface RequestHandler extends ExceptionOwner {
  /** Called once, after the connection has stored this handler: the request may be over before the call returns. */
  begin(): void
  /** The client has closed its connection before an answer: everything for it stops at once. */
  clientGone(): void
}
