/** The handshakes with upstreams: HTTP CONNECT, SOCKS5, and none for requests in absolute-form. */
import type { Target } from '../address.ts'
import { hasBareLf, looksLikeStatusLine, PartialHead, statusOf } from '../http1/head.ts'
import { SOCKS_REPLY } from '../pool/upstream.ts'
import { SocksClient, type SocksStep } from '../socks/client.ts'
import type { UpstreamConnection, UpstreamHandshake } from './connection.ts'
import { refusesLogin } from './login-header.ts'

/** For requests in absolute-form, and for direct targets: open as soon as the connection is established. */
export class NoHandshake implements UpstreamHandshake {
  readonly #connection: UpstreamConnection

  constructor(connection: UpstreamConnection) {
    this.#connection = connection
  }

  connected(): void {
    this.#connection.open(undefined)
  }

  ask(): void {}

  received(): void {}
}

/** A 101 would change to a protocol that no client has requested. */
const SWITCHING_PROTOCOLS = 101

/** HTTP CONNECT (RFC 9110 section 9.3.6). */
export class ConnectHandshake implements UpstreamHandshake {
  readonly #connection: UpstreamConnection
  readonly #head = new PartialHead()
  #isConnected = false
  #target: Target | undefined
  #isOver = false

  constructor(connection: UpstreamConnection) {
    this.#connection = connection
  }

  connected(): void {
    this.#isConnected = true
    if (this.#target !== undefined) this.#request(this.#target)
  }

  ask(target: Target): void {
    this.#target = target
    if (this.#isConnected) this.#request(target)
  }

  #request({ authority }: Target): void {
    const { proxyLines } = this.#connection
    this.#connection.ask(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${proxyLines}\r\n`)
  }

  received(piece: Buffer): void {
    // An answer before the request is invalid.
    if (this.#target === undefined) return void this.#connection.broke('garbage')
    // One iteration for each interim answer; many may arrive in one piece.
    for (let bytes: Buffer | undefined = piece; bytes !== undefined && !this.#isOver; ) bytes = this.#readHead(bytes)
    if (!this.#isOver) this.#connection.parsed(piece.length, () => false)
  }

  /** @returns the octets after an interim answer */
  #readHead(piece: Buffer): Buffer | undefined {
    const bytes = this.#head.with(piece)
    const end = this.#head.endIn(bytes)
    if (hasBareLf(bytes, end === -1 ? bytes.length : end)) return void this.#break()
    if (end !== -1) return this.#answered(bytes, end)
    if (looksLikeStatusLine(bytes) && bytes.length <= this.#connection.maxReplyBytes) this.#head.keep(bytes)
    else this.#break()
    return undefined
  }

  #answered(bytes: Buffer, end: number): Buffer | undefined {
    const status = statusOf(bytes)
    const rest = end === bytes.length ? undefined : bytes.subarray(end)
    this.#head.clear()
    const isReadable = status > 0 && status !== SWITCHING_PROTOCOLS && end <= this.#connection.maxReplyBytes
    // RFC 9110 section 15.2: any number of 1xx answers may precede the final one.
    if (isReadable && status < 200) return rest
    if (!isReadable) this.#break()
    else this.#end(status, rest)
    return undefined
  }

  #end(status: number, rest: Buffer | undefined): void {
    this.#isOver = true
    if (status < 300) this.#connection.open(rest && Buffer.from(rest))
    else this.#connection.fail(refusesLogin(status) ? { kind: 'login', status } : { kind: 'refused', answer: status })
  }

  #break(): void {
    this.#isOver = true
    this.#connection.broke('garbage')
  }
}

/** SOCKS5 (RFC 1928, RFC 1929): greeting and login at once, the request when there is a target. */
export class SocksHandshake implements UpstreamHandshake {
  readonly #connection: UpstreamConnection
  readonly #codec: SocksClient
  #target: Target | undefined
  #isReady = false

  constructor(connection: UpstreamConnection) {
    this.#connection = connection
    const { username, password } = connection.upstream.facts
    this.#codec = new SocksClient(username === undefined ? undefined : { username, password })
  }

  connected(): void {
    this.#connection.socket.write(this.#codec.greeting())
  }

  ask(target: Target): void {
    this.#target = target
    if (this.#isReady) this.#request(target)
  }

  #request(target: Target): void {
    this.#isReady = false
    this.#connection.ask(this.#codec.request(target))
  }

  received(piece: Buffer): void {
    this.#codec.receive(piece)
    for (let step = this.#codec.next(); step !== undefined; step = this.#codec.next()) this.#take(step)
    // A reply before the request is invalid.
    if (this.#isReady && this.#codec.hasUnread) this.#connection.broke('garbage')
  }

  #take(step: SocksStep): void {
    switch (step.kind) {
      case 'send':
        return void this.#connection.socket.write(step.octets)
      case 'ready':
        this.#isReady = true
        if (this.#target !== undefined) this.#request(this.#target)
        return
      case 'opened':
        return void this.#connection.open(step.early && Buffer.from(step.early))
      case 'refused':
        return void this.#connection.fail({ kind: 'refused', answer: SOCKS_REPLY + step.reply })
      case 'login':
        return void this.#connection.fail({ kind: 'login', status: 0 })
      case 'garbage':
        return void this.#connection.broke('garbage')
    }
  }
}
