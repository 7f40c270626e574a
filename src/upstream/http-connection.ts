/**
 * The upstream's side of the short way: sends requests without a body over one connection, one after the other, and
 * passes the answers on. It decides nothing: whoever owns the exchange is told what happens, in the same words as from
 * forward.ts.
 *
 *   idle ──ask──▶ asked ──head──▶ answering ──body is whole──▶ idle
 *     └─────────────┴────────────────┴──▶ closed
 */
import { GatewayError } from '../errors.ts'
import { ChunkedReader, pushChunk, pushLastChunk } from '../http1/body.ts'
import { looksLikeStatusLine, PartialHead } from '../http1/head.ts'
import { QuickRequest } from '../http1/request-head.ts'
import { type QuickAnswer, readAnswer } from '../http1/response-head.ts'
import type { Breakage } from '../pool/upstream.ts'
import type { Conversation, ExchangeOwner, PlainRequest, RequestForm, Sending } from '../proxy/http-contract.ts'
import { type DeadlineList, Expiring } from '../structures/timeout-queue.ts'
import type { Leg, LegSink } from './connection.ts'

export class QuickConversation extends Expiring implements Conversation, LegSink, Sending {
  readonly isQuick = true
  readonly hasBegunBody = false
  readonly #leg: Leg
  readonly #pauses: DeadlineList
  /** Both are set while an answer is awaited or on its way. */
  #request: QuickRequest | undefined
  #owner: ExchangeOwner | undefined
  /** The beginning of a head whose end has not come. */
  readonly #head = new PartialHead()
  /** Set from the end of the answer's head to the end of its body. */
  #answer: QuickAnswer | undefined
  #chunks: ChunkedReader | undefined
  /** Octets of the body that are still to come, where its length is known. */
  #left = 0
  #isStalled = false

  /**
   * @param leg open; what it receives comes here from now on
   * @param pauses its duration is the longest pause inside an answer's body
   */
  constructor(leg: Leg, pauses: DeadlineList) {
    super()
    this.#leg = leg
    this.#pauses = pauses
    leg.relay = this
    if (leg.isRaw) leg.socket.on('data', (chunk) => this.send(chunk)).resume()
  }

  get isOpen(): boolean {
    return !this.#leg.socket.destroyed
  }

  ask(request: PlainRequest, form: RequestForm, login: string, owner: ExchangeOwner): Sending {
    if (!(request instanceof QuickRequest)) throw new GatewayError('GW_INTERNAL', 'a request for another way')
    this.#request = request
    this.#owner = owner
    request.sending = this
    this.#leg.socket.write(request.text(form, login), 'latin1')
    return this
  }

  /** Octets from the upstream. */
  send(bytes: Buffer): void {
    // What nobody has asked for belongs to no answer.
    if (this.#owner === undefined) this.close()
    else if (this.#answer === undefined) this.#readHead(bytes)
    else this.#pass(this.#answer, bytes, [])
  }

  /** The same in the leg's own buffer, which is free again at once. */
  download(bytes: Buffer): boolean {
    this.send(Buffer.from(bytes))
    return true
  }

  #readHead(piece: Buffer): void {
    let bytes = this.#head.with(piece)
    for (;;) {
      const end = this.#head.endIn(bytes)
      if (end === -1) return void this.#keepHead(bytes)
      const answer = this.#readAnswer(bytes, end)
      if (answer === undefined) return void this.#broke('garbage')
      bytes = bytes.subarray(end)
      this.#head.clear()
      // Any number of interim answers may come first; they are for this hop (RFC 9110 section 15.2).
      if (answer.status >= 200) return void this.#begin(answer, bytes)
    }
  }

  #keepHead(bytes: Buffer): void {
    if (!looksLikeStatusLine(bytes) || bytes.length > this.#leg.maxReplyBytes) return void this.#broke('garbage')
    this.#head.keep(bytes)
  }

  /** @returns undefined for what is no answer, and for 101, which answers what we never ask */
  #readAnswer(bytes: Buffer, end: number): QuickAnswer | undefined {
    if (end > this.#leg.maxReplyBytes) return undefined
    const answer = readAnswer(bytes.toString('latin1', 0, end), this.#request?.method ?? '')
    return answer?.status === 101 ? undefined : answer
  }

  #begin(answer: QuickAnswer, rest: Buffer): void {
    if (this.#owner?.answered(answer.status) !== true) return void this.cancel()
    this.#answer = answer
    this.#left = typeof answer.body === 'number' ? answer.body : 0
    this.#chunks = answer.body === 'chunked' ? new ChunkedReader(this.#leg.maxReplyBytes) : undefined
    this.#pass(answer, rest, [Buffer.from(this.#request?.begin(answer, this.#owner.extraHeaders) ?? '', 'latin1')])
  }

  /** @param out what is to be written before: the head */
  #pass(answer: QuickAnswer, bytes: Buffer, out: Buffer[]): void {
    const data: Buffer[] = []
    const used = this.#readBody(answer, bytes, data)
    if (answer.framing === 'chunked') pushChunk(data, out)
    else out.push(...data)
    const isWhole = used !== -1 && this.#isWhole(answer)
    if (isWhole && answer.framing === 'chunked') pushLastChunk(this.#chunks?.trailers ?? '', out)
    const flows = this.#write(out)
    if (used === -1) this.#broke(undefined)
    else if (isWhole) this.#complete(answer.isLast || used < bytes.length)
    else if (flows) this.#pauses.add(this)
    else this.#stall()
  }

  /** @returns how many octets belong to the body, -1 when it is broken */
  #readBody({ body }: QuickAnswer, bytes: Buffer, data: Buffer[]): number {
    if (this.#chunks !== undefined) return this.#chunks.read(bytes, data)
    const used = body === 'until-close' ? bytes.length : Math.min(this.#left, bytes.length)
    this.#left -= used
    if (used > 0) data.push(used === bytes.length ? bytes : bytes.subarray(0, used))
    return used
  }

  #isWhole({ body }: QuickAnswer): boolean {
    if (this.#chunks !== undefined) return this.#chunks.isDone
    return body !== 'until-close' && this.#left === 0
  }

  /** In one piece: small answers leave in one segment. */
  #write(out: readonly Buffer[]): boolean {
    const [first] = out
    if (first === undefined || this.#request === undefined) return true
    return this.#request.connection.socket.write(out.length === 1 ? first : Buffer.concat(out))
  }

  /** @param isLast nothing more is to be asked on this connection */
  #complete(isLast: boolean): void {
    const request = this.#request
    const owner = this.#owner
    this.#forget()
    if (isLast) this.close()
    else this.#leg.retireBuffer()
    owner?.completed()
    request?.answered()
  }

  #stall(): void {
    this.#isStalled = true
    this.deadlineList?.remove(this)
    this.#leg.socket.pause()
    this.#owner?.stalled(true)
  }

  /** The client has read what it was sent. */
  clientDrained(): void {
    if (!this.#isStalled) return
    this.#isStalled = false
    this.#owner?.stalled(false)
    this.#pauses.add(this)
    this.#leg.socket.resume()
  }

  upstreamEnded(): void {
    const answer = this.#answer
    if (answer?.body !== 'until-close') return void this.#broke('closed')
    const out: Buffer[] = []
    if (answer.framing === 'chunked') pushLastChunk('', out)
    this.#write(out)
    this.#complete(true)
  }

  upstreamErrored(): void {
    this.#broke('closed')
  }

  upstreamClosed(): void {
    this.#broke('closed')
  }

  upstreamDrained(): void {
    // Requests are small: nothing waits for it.
  }

  /** The upstream has paused for too long inside a body. */
  override onDeadline(): void {
    this.#broke(undefined)
  }

  #broke(how: Breakage | undefined): void {
    const owner = this.#owner
    const isAnswering = this.#answer !== undefined
    this.cancel()
    owner?.broke(isAnswering ? undefined : how)
  }

  /** The exception ends the exchange that is under way. */
  override failInternally(): void {
    const owner = this.#owner
    this.cancel()
    owner?.failInternally()
  }

  cancel(): void {
    this.#forget()
    this.close()
  }

  #forget(): void {
    this.deadlineList?.remove(this)
    if (this.#request !== undefined) this.#request.sending = undefined
    this.#request = undefined
    this.#owner = undefined
    this.#head.clear()
    this.#answer = undefined
    this.#chunks = undefined
    this.#isStalled = false
  }

  close(): void {
    this.#leg.destroy()
    this.#leg.releaseBuffer(true)
  }
}
