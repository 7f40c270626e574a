import type { Duplex } from 'node:stream'
import { delay, send, turn } from './socket-io.ts'

export interface Login {
  readonly username: string
  readonly password: string
}

/**
 * What a fake upstream does instead of its work. HTTP kinds met by a SOCKS client, and the reverse, act as their nearest
 * kin: `status` is REP 0x01, `rep` is 502, `no-method` and `auth-failure` are 407.
 */
export type Behaviour =
  /** Works. */
  | { readonly kind: 'ok' }
  /** The port is closed: the kernel answers with RST. */
  | { readonly kind: 'refuse' }
  /** Accepts and never says a word, not even TLS. */
  | { readonly kind: 'silent' }
  /** Says the first `bytes` of its reply, then nothing. */
  | { readonly kind: 'silent-after'; readonly bytes: number }
  /** FIN right after accepting. */
  | { readonly kind: 'close-at-once' }
  /** RST right after accepting. */
  | { readonly kind: 'reset-at-once' }
  /** A complete refusal. 407 although the login may be right. */
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  /** Bytes that are neither HTTP nor SOCKS, then waits. */
  | { readonly kind: 'garbage' }
  /** A captive portal: 200 with a page where a tunnel should be, then bytes beyond its Content-Length. */
  | { readonly kind: 'html-200-then-junk' }
  /** Works, but the reply starts `ms` later. */
  | { readonly kind: 'slow-reply'; readonly ms: number }
  /** Works, but every byte of the reply is a write of its own. */
  | { readonly kind: 'split-reply' }
  /** Works, and `bytes` follow the success reply in the same write. */
  | { readonly kind: 'early'; readonly bytes: Buffer }
  /** RST once `bytes` have passed through the tunnel, both ways together; 0: as soon as it is open. */
  | { readonly kind: 'reset-in-tunnel'; readonly bytes: number }
  /** FIN towards the client as soon as the tunnel is open; what the client sends still reaches the target. */
  | { readonly kind: 'half-close' }
  /** SOCKS: REP 1 to 8 (RFC 1928 section 6). */
  | { readonly kind: 'rep'; readonly rep: number }
  /** SOCKS: no acceptable method (0xFF). */
  | { readonly kind: 'no-method' }
  /** SOCKS: the login is refused (RFC 1929 STATUS 1), right or not. */
  | { readonly kind: 'auth-failure' }
  /** SOCKS: answers as if it were version 4. */
  | { readonly kind: 'bad-version' }
  /** SOCKS: works, and names its bound address as IPv6 or as a domain name: replies of other lengths. */
  | { readonly kind: 'bound'; readonly as: 'ipv6' | 'domain' }

/** Kinds that need no figure: `behave('silent')`. */
export type PlainKind = Exclude<
  Behaviour['kind'],
  'silent-after' | 'status' | 'slow-reply' | 'early' | 'reset-in-tunnel' | 'rep' | 'bound'
>

export function toBehaviour(behaviour: Behaviour | PlainKind): Behaviour {
  return typeof behaviour === 'string' ? ({ kind: behaviour } as Behaviour) : behaviour
}

/** Bytes that no proxy protocol begins with. */
export const GARBAGE = Buffer.from('fffefdfc0000deadbeef0a0a', 'hex')

const PORTAL_PAGE = '<html><body>Please log in to the network</body></html>'
export const PORTAL_REPLY = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PORTAL_PAGE.length}\r\n\r\n${PORTAL_PAGE}\x00\x01junk\r\n`,
  'latin1',
)

/** Thrown to leave a conversation without a word; the connection stays open until the client gives up. */
export class Silence extends Error {
  override readonly name = 'Silence'
}

/** Everything an upstream says before a tunnel is open goes through here, and is late, split or cut as the behaviour wants. */
export class ReplyWriter {
  readonly #socket: Duplex
  behaviour: Behaviour
  #written = 0

  constructor(socket: Duplex, behaviour: Behaviour) {
    this.#socket = socket
    this.behaviour = behaviour
  }

  /** @throws {Silence | ConnectionLost} */
  async write(bytes: Buffer | string): Promise<void> {
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    const behaviour = this.behaviour
    if (behaviour.kind === 'slow-reply' && this.#written === 0) await delay(behaviour.ms, this.#socket)
    this.#written += all.length
    if (behaviour.kind === 'silent') throw new Silence()
    if (behaviour.kind === 'silent-after') return this.#writeUntil(all, behaviour.bytes)
    if (behaviour.kind === 'split-reply') return this.#writeSplit(all)
    await send(this.#socket, all)
  }

  async #writeUntil(all: Buffer, limit: number): Promise<void> {
    const excess = this.#written - limit
    if (excess < 0) return send(this.#socket, all)
    if (excess < all.length) await send(this.#socket, all.subarray(0, all.length - excess))
    throw new Silence()
  }

  async #writeSplit(all: Buffer): Promise<void> {
    for (let i = 0; i < all.length; i++) {
      await send(this.#socket, all.subarray(i, i + 1))
      await turn()
    }
  }
}
