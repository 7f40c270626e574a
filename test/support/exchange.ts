import { type Framing, formatHead, type Header, hasMember, type RequestHead, readBody, staysOpen } from './http-wire.ts'
import type { SiteRequest } from './site.ts'
import { type SocketReader, send } from './socket-io.ts'

/** One request and its reply, as a page of the site sees them. */
export class HttpExchange {
  readonly head: RequestHead
  readonly url: URL
  readonly reader: SocketReader
  readonly request: SiteRequest
  /** RST to the client. */
  readonly reset: () => void
  readonly #framing: Framing
  #bodyTaken = false
  #open: boolean

  constructor(reader: SocketReader, head: RequestHead, framing: Framing, request: SiteRequest, reset: () => void) {
    this.reader = reader
    this.head = head
    // An origin server accepts absolute-form too (RFC 9112 section 3.2.2).
    this.url = new URL(head.target === '*' ? '/' : head.target, 'http://site.test')
    this.request = request
    this.reset = reset
    this.#framing = framing
    this.#open = staysOpen(head)
  }

  get expectsContinue(): boolean {
    return hasMember(this.head.headers, 'expect', '100-continue')
  }

  number(name: string, otherwise: number): number {
    return Number(this.url.searchParams.get(name) ?? otherwise)
  }

  /** The request's body piece by piece; says 100 Continue first where that is awaited. */
  async *body(): AsyncGenerator<Buffer> {
    if (this.#bodyTaken) return
    this.#bodyTaken = true
    if (this.expectsContinue && this.#framing.kind !== 'none') await this.write('HTTP/1.1 100 Continue\r\n\r\n')
    for await (const piece of readBody(this.reader, this.#framing, this.request.trailers)) {
      this.request.bodyBytes += piece.length
      yield piece
    }
  }

  async wholeBody(): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.body()))
  }

  /** A complete reply. No body goes out where none may: HEAD, 204, 304. */
  async reply(status: number, body: Buffer | string = '', headers: readonly Header[] = []): Promise<void> {
    const bytes = Buffer.from(body)
    const length: Header[] = status === 204 ? [] : [['Content-Length', `${bytes.length}`]]
    await this.replyHead(status, [...headers, ...length])
    if (this.#hasBody(status)) await this.write(bytes)
  }

  async replyHead(status: number, headers: readonly Header[]): Promise<void> {
    const connection: Header[] = this.#open ? [] : [['Connection', 'close']]
    await this.write(formatHead(`HTTP/1.1 ${status} Status`, [...headers, ...connection]))
  }

  /** A piece of a body whose head went out before; nothing for HEAD. */
  async replyPiece(bytes: Buffer | string): Promise<void> {
    if (this.head.method !== 'HEAD') await this.write(bytes)
  }

  write(bytes: Buffer | string): Promise<void> {
    return send(this.reader.socket, bytes)
  }

  /** The connection ends after this reply. */
  closeAfterwards(): void {
    this.#open = false
  }

  /** Reads what is left of the request. True: another one may follow. */
  async finish(): Promise<boolean> {
    if (!this.#open) {
      this.reader.discard()
      return false
    }
    if (!(this.expectsContinue && !this.#bodyTaken)) await this.wholeBody()
    return true
  }

  #hasBody(status: number): boolean {
    return this.head.method !== 'HEAD' && status !== 204 && status !== 304
  }
}
