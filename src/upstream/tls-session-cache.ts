/**
 * TLS sessions of upstreams: the next connection to one goes on with what the last one agreed (RFC 8446 section 2.2), which
 * saves both sides the certificates and most of the arithmetic. An upstream that will not is asked for everything again,
 * within the same handshake.
 *
 * A resumed session shows no certificate; it stands for the one that was verified when it began. So a session is kept only
 * of a connection whose certificate was good, offered to that very upstream alone, whose name and authorities never change,
 * and not for ever: each resumption brings a new session, which would otherwise outlive the certificate.
 */
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'

/** How long an upstream may go without showing its certificate. */
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

  /** What a new connection to the upstream may go on with. */
  of(upstream: Upstream): TlsSession | undefined {
    const session = this.#sessions.get(upstream)
    return session !== undefined && this.#clock.now() - session.verifiedAt < MAX_AGE_MS ? session : undefined
  }

  /**
   * Keeps what comes of a connection that is being opened.
   * @param offered what it was given to go on with
   */
  watch(socket: TLSSocket, upstream: Upstream, offered: TlsSession | undefined): void {
    socket.on('session', (state: Buffer) => {
      if (!socket.authorized) return
      const verifiedAt = socket.isSessionReused() ? offered?.verifiedAt : this.#clock.now()
      if (verifiedAt !== undefined) this.#sessions.set(upstream, { state, verifiedAt })
    })
    if (offered === undefined) return
    // It may have been the session that the upstream stumbled over; the next try is not to meet it again.
    const drop = () => {
      if (!socket.authorized) this.#sessions.delete(upstream)
    }
    socket.once('error', drop)
    socket.once('close', drop)
  }
}
