/** The SOCKS5 handshake with an upstream, spoken by the `socks` package over a socket of ours. */
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { Address } from '../address.ts'
import { SOCKS_REPLY } from '../pool/upstream.ts'
import type { Leg, LegFailure } from '../upstream/connection.ts'

/**
 * The package tells its failures apart by text alone. This is the one place where its words are read; a test drives the
 * real package through each of them, so that an upgrade that changes a word is noticed.
 */
const LOGIN_TEXTS = ['Socks5 Authentication failed', 'no accepted authentication type']
const REJECTED = /proxy rejected connection - (\w+)$/i
/** RFC 1928 section 6, by the package's names. */
const REPLIES: Readonly<Record<string, number>> = {
  Failure: 0x01,
  NotAllowed: 0x02,
  NetworkUnreachable: 0x03,
  HostUnreachable: 0x04,
  ConnectionRefused: 0x05,
  TTLExpired: 0x06,
  CommandNotSupported: 0x07,
  AddressNotSupported: 0x08,
}
/** The package's own timer cannot be stopped; ours always comes first. */
const PACKAGE_TIMER_SLACK_MS = 1_000

/**
 * Starts the handshake as soon as `socket` is connected; the leg hears how it ends.
 * @param listen called in the very turn in which the tunnel opens, before the leg hears of it
 */
export function dialSocks(socket: Socket, leg: Leg, target: Address, timeoutMs: number, listen: () => void): void {
  socket.once('connect', () => {
    try {
      handshake(socket, leg, target, timeoutMs + PACKAGE_TIMER_SLACK_MS, listen)
    } catch {
      // The package refuses logins that RFC 1929 cannot carry (over 255 octets) by throwing.
      leg.fail({ kind: 'login', status: 0 })
    }
  })
}

const require = createRequire(import.meta.url)

/** Loaded for the first upstream that speaks SOCKS: most speak HTTP, and save 1 MB. */
function socks(): typeof import('socks') {
  return require('socks') as typeof import('socks')
}

function handshake(socket: Socket, leg: Leg, target: Address, timeout: number, listen: () => void): void {
  const { facts } = leg.upstream
  const client = new (socks().SocksClient)({
    proxy: {
      host: facts.host,
      port: facts.port,
      type: 5,
      ...(facts.username === undefined ? {} : { userId: facts.username, password: facts.password?.reveal() ?? '' }),
    },
    command: 'connect',
    destination: { host: target.host, port: target.port },
    existing_socket: socket,
    timeout,
  })
  const heard = new Heard(socket, leg)
  // The error holds the password: only what it says leaves this line.
  client.once('error', (error) => {
    if (heard.isNoReply) leg.fail(GARBAGE)
    else if (error.message === 'Socket closed') leg.broke('closed')
    else leg.fail(translate(error.message))
  })
  client.once('established', () => {
    heard.stop()
    if (heard.isNoReply) return leg.fail(GARBAGE)
    listen()
    leg.open(undefined)
  })
  client.connect(socket)
}

const GARBAGE: LegFailure = { kind: 'broken', how: 'garbage' }
/** The choice of a method, the answer to a login, and a reply up to its address type. */
const HEARD_BYTES = 8

/**
 * Looks over the package's shoulder: it takes a reply of another version for a refusal, and one with an address type that
 * does not exist for a success whose address is the target's first word.
 */
class Heard {
  readonly #socket: Socket
  readonly #leg: Leg
  #bytes = ''
  readonly #listen = (chunk: Buffer): void => {
    if (this.#bytes.length < HEARD_BYTES) this.#bytes += chunk.toString('latin1', 0, HEARD_BYTES)
    // The package sends the request as soon as the choice of a method, and the answer to a login, are there.
    if (this.#bytes.length >= (this.#isLogin ? 4 : 2)) this.#leg.isAsked = true
  }

  constructor(socket: Socket, leg: Leg) {
    this.#socket = socket
    this.#leg = leg
    socket.on('data', this.#listen)
  }

  get #isLogin(): boolean {
    return this.#bytes.charCodeAt(1) === 0x02
  }

  stop(): void {
    this.#socket.off('data', this.#listen)
  }

  /** What stands where the reply to the request should (RFC 1928 section 6), as far as it has come, cannot be one. */
  get isNoReply(): boolean {
    const [version = 5, status = 0, , type = 1] = Buffer.from(this.#bytes.slice(this.#isLogin ? 4 : 2), 'latin1')
    return version !== 5 || (status === 0 && type !== 1 && type !== 3 && type !== 4)
  }
}

function translate(text: string): LegFailure {
  if (LOGIN_TEXTS.some((part) => text.includes(part))) return { kind: 'login', status: 0 }
  const reply = REJECTED.exec(text)?.[1]
  if (reply === undefined) return GARBAGE
  return { kind: 'refused', answer: SOCKS_REPLY + (REPLIES[reply] ?? 0x01) }
}
