/** What a client asked for, whatever protocol it spoke. */
import type { Socket } from 'node:net'
import type { GatewayError } from '../errors.ts'
import type { ClientOptions } from './client-options.ts'

/** Who the client is and what it wants, before a target is reached. */
export interface ClientIdentity {
  /** Configured user, or the free account text where no users are configured. */
  readonly account: string | undefined
  readonly options: ClientOptions
}

/**
 * A tunnel that a client wants (CONNECT, SOCKS, or an upgraded request). Exactly one of `accept` and `refuse` is called,
 * once; both write to the client at once.
 */
export interface TunnelRequest extends ClientIdentity {
  readonly protocol: 'connect' | 'socks5' | 'socks4'
  /** Host name as written, IPv4, or IPv6 without brackets. Never resolved here. */
  readonly host: string
  readonly port: number
  readonly client: Socket
  /** The client's address, IPv4 unmapped. */
  readonly clientAddress: string
  /** Octets that came behind the request: they go to the target first. */
  early: Buffer | undefined
  /** The upstream has opened the tunnel: tells the client. */
  accept(upstreamId: string): void
  /** Tells the client why not, and ends the connection. */
  refuse(error: GatewayError): void
}
