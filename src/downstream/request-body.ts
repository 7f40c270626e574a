/**
 * The body of the request that a connection serves, as the client sends it.
 *
 *   start ──▶ waiting ──open──▶ flowing ──last octet──▶ whole
 *     │          │ ▲              │ leave
 *     │          │ └─ not begun ──┤
 *     │          └─────drop───────┴─ begun ──▶ dropped ──last octet──▶ whole
 *     └── no body ─────────────────────────────────────────────────────▲
 *
 * A body in chunks may be whole and not begun, because it has no data: then each sink that opens it gets its end.
 */

import { BodyReader, framingBytes } from '../http1/body.ts'
import { hasBody, type RequestHeader } from '../http1/request-head.ts'
import type { BodySink } from '../proxy/http-contract.ts'

/** `waiting`: not requested yet; `flowing`: goes to the sink; `dropped`: read and not used; `whole`: its end was read. */
type State = 'waiting' | 'flowing' | 'dropped' | 'whole'

export class RequestBody {
  /** Octets of it were handed to a sink: it cannot be sent a second time. */
  hasBegun = false
  /** The sink takes no more for now. */
  isHeldUp = false
  /** Octets of the last read that were framing. */
  parsedBytes = 0
  readonly #maxTrailerBytes: number
  #state: State = 'whole'
  #sink: BodySink | undefined
  /** Made with the first body. */
  #reader: BodyReader | undefined

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes
  }

  /** The next octets are the first of this request's body. */
  start(header: RequestHeader): void {
    this.hasBegun = false
    this.#state = hasBody(header) ? 'waiting' : 'whole'
    if (this.#state === 'whole') return
    this.#reader ??= new BodyReader({ maxTrailerBytes: this.#maxTrailerBytes, isLenient: false })
    this.#reader.start(header.body, header.named)
  }

  get isWhole(): boolean {
    return this.#state === 'whole'
  }

  get isFlowing(): boolean {
    return this.#state === 'flowing'
  }

  /** Whether what the client sends now is read at once. */
  get takesOctets(): boolean {
    return this.#state === 'flowing' || this.#state === 'dropped'
  }

  /** Hands it to the sink from here on. @returns whether it was waited for: what has come of it is to be read now */
  open(sink: BodySink): boolean {
    if (this.#state === 'waiting') {
      this.#sink = sink
      this.#state = 'flowing'
      return true
    }
    if (this.#reader?.isWhole === true) sink.bodyEnd(this.#reader.trailers)
    return false
  }

  /** The sink takes no more: the body waits for another sink, or is dropped if it had begun. */
  leave(sink: BodySink): void {
    if (this.#sink !== sink) return
    this.#sink = undefined
    if (this.#state === 'flowing') this.#state = this.hasBegun ? 'dropped' : 'waiting'
  }

  /** The rest is read and not used. */
  drop(): void {
    this.#sink = undefined
    this.#state = 'dropped'
  }

  /** Its framing is broken, and no end of it is known: nothing more is read. */
  abandon(): void {
    this.#sink = undefined
    this.#state = 'whole'
  }

  /** @returns how many octets belong to it, or -1 when its framing is broken */
  read(bytes: Buffer): number {
    const data: Buffer[] = []
    const used = this.#reader?.read(bytes, data) ?? 0
    if (used === -1) return -1
    this.parsedBytes = framingBytes(bytes, data)
    this.isHeldUp = false
    if (data.length > 0 && this.#sink !== undefined) {
      this.hasBegun = true
      this.isHeldUp = !this.#sink.bodyData(data)
    }
    if (this.#reader?.isWhole === true) this.#state = 'whole'
    return used
  }

  /** Its last octet was read: the sink gets the trailer section. */
  end(): void {
    const sink = this.#sink
    this.#sink = undefined
    sink?.bodyEnd(this.#reader?.trailers ?? '')
  }

  /** What a client has sent of it that sends nothing more. @param unread octets that were not read yet */
  restIn(unread: Buffer): 'whole' | 'partial' | 'broken' {
    if (this.#state !== 'waiting' || this.#reader === undefined) return this.isWhole ? 'whole' : 'partial'
    // A sink that left may have read the beginning of a chunk.
    const reader = this.#reader.copy()
    if (reader.read(unread, []) === -1) return 'broken'
    return reader.isWhole ? 'whole' : 'partial'
  }
}
