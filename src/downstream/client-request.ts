/** What a client asked for, whatever protocol it spoke. */
import type { Socket } from 'node:net'
import type { Target } from '../address.ts'
import type { GatewayError } from '../errors.ts'
import type { ExceptionOwner } from '../internal-errors.ts'
import type { Relay } from '../proxy/relay.ts'
import type { Strategy } from '../strategy.ts'
import type { ClientOptions } from './username-options.ts'

/** What a port, or a user, has otherwise than the rest of the gateway. Undefined members: as there. */
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

/** Who the client is and what it wants, before a target is reached. */
export interface ClientIdentity {
  /** Configured user, or the free account text where no users are configured. */
  readonly account: string | undefined
  /** The configured user whose password was right; undefined where no users are configured. */
  readonly user: string | undefined
  readonly options: ClientOptions
  /** Providers the account is limited to; undefined: all. */
  readonly providers: readonly string[] | undefined
  /** What the configured user has otherwise than others of its port. */
  readonly traffic?: TrafficSettings | undefined
}

/**
 * A tunnel that a client wants (CONNECT, SOCKS, or an upgraded request). Exactly one of `accept` and `refuse` is called,
 * once; both write to the client at once. `join` follows `accept` at once.
 */
export interface TunnelRequest {
  readonly protocol: 'connect' | 'socks5' | 'socks4'
  readonly identity: ClientIdentity
  /** Never resolved here. */
  readonly target: Target
  readonly socket: Socket
  /** The client's address, IPv4 unmapped. */
  readonly clientAddress: string
  /**
   * The upstream has opened the tunnel: tells the client.
   * @param lifeMs what the upstream has left, where the client asked for a life
   */
  accept(upstreamId: string, lifeMs: number | undefined): void
  /** From now on the client's octets, the early ones first, and its events go to this relay. */
  join(relay: Relay): void
  /** Tells the client why not, and ends the connection. */
  refuse(error: GatewayError): void
}

/** What the listener's owner makes of a request. */
export interface PendingTunnel extends ExceptionOwner {
  /** The client has hung up before it got an answer: everything for it stops at once. */
  clientGone(): void
}
