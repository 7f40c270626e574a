/**
 * TLS sessions of upstreams: the next connection resumes the last session (RFC 8446 section 2.2), which saves both sides the
 * certificates and most of the computation. An upstream that refuses it continues with a full handshake.
 *
 * A resumed session has no certificate; it relies on the one that was verified when the session began. So a session is kept only
 * from a connection with a valid certificate, offered only to the same upstream, whose name and CAs never change, and for a
 * limited time: each resumption brings a new session, which would otherwise outlive the certificate.
 */
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'

/** How long sessions may be resumed without a new verification of the certificate. */
const MAX_AGE_MS = 3_600_000

interface TlsSession {
  /** Opaque, as Node hands it out. */
  readonly state: Buffer
  /** Clock ms. */
  readonly verifiedAt: number
}

export class TlsSessions {
  readonly #clock: Clock
  readonly #sessions = new WeakMap<Upstream, TlsSession>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The session for a new connection to the upstream. */
  of(upstream: Upstream): TlsSession | undefined {
    const session = this.#sessions.get(upstream)
    return session !== undefined && this.#clock.now() - session.verifiedAt < MAX_AGE_MS ? session : undefined
  }

  /**
   * Keeps the sessions of a connection that is being opened.
   * @param offered the session that it was given to resume
   */
  watch(socket: TLSSocket, upstream: Upstream, offered: TlsSession | undefined): void {
    socket.on('session', (state: Buffer) => {
      if (!socket.authorized) return
      const verifiedAt = socket.isSessionReused() ? offered?.verifiedAt : this.#clock.now()
      if (verifiedAt !== undefined) this.#sessions.set(upstream, { state, verifiedAt })
    })
    if (offered === undefined) return
    // The offered session may be the cause of the failure; the next try does not use it.
    const drop = () => {
      if (!socket.authorized) this.#sessions.delete(upstream)
    }
    socket.once('error', drop)
    socket.once('close', drop)
  }
}
