/**
 * A client's request body on its way to an upstream. It is untouched until the upstream's side asks for it: as long as it
 * was not, the request may go elsewhere. Whoever watches is told who holds things up, because only the client may take
 * as long as it likes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

export interface BodyWatcher {
  /** The next octets are the client's to send. */
  awaitsClient(): void
  /** The upstream has what there is to take, or the end of it. */
  awaitsUpstream(): void
}

/** The client closed its connection in the middle of a body. */
export class BodyCutOff extends Error {}

export class LazyBody extends Readable {
  readonly #message: IncomingMessage
  readonly #response: ServerResponse
  readonly #watcher: BodyWatcher
  started = false
  readonly #onData = (chunk: Buffer) => {
    if (this.push(chunk)) return
    this.#message.pause()
    this.#watcher.awaitsUpstream()
  }
  readonly #onEnd = () => {
    this.push(null)
    this.#watcher.awaitsUpstream()
  }
  readonly #onClose = () => {
    if (!this.#message.complete) this.destroy(new BodyCutOff())
  }

  /** @param response says `100 Continue`, where that is awaited, when the first octets are wanted */
  constructor(message: IncomingMessage, response: ServerResponse, watcher: BodyWatcher) {
    super()
    this.#message = message
    this.#response = response
    this.#watcher = watcher
  }

  override _read(): void {
    if (!this.started) this.#start()
    else this.#message.resume()
    if (!this.#message.readableEnded) this.#watcher.awaitsClient()
  }

  #start(): void {
    this.started = true
    if (expectsContinue(this.#message)) this.#response.writeContinue()
    this.#message.on('data', this.#onData)
    this.#message.on('end', this.#onEnd)
    this.#message.on('close', this.#onClose)
  }

  /** undici destroys a body with its request; the client's connection lives on, and what it still sends is dropped. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.started) {
      this.#message.off('data', this.#onData)
      this.#message.off('end', this.#onEnd)
      this.#message.off('close', this.#onClose)
      this.#message.resume()
    }
    done(error)
  }
}

/** RFC 9110 section 10.1.1. */
function expectsContinue(message: IncomingMessage): boolean {
  return message.httpVersion !== '1.0' && /^100-continue$/i.test(message.headers.expect ?? '')
}
