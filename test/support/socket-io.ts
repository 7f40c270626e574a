import type { Duplex } from 'node:stream'

/** Bytes kept for a reader that does not ask; above this the socket is paused, so that back-pressure stays real. */
const HIGH_WATER_BYTES = 256 * 1024
const DEFAULT_MAX_LINE_BYTES = 256 * 1024

/** The peer closed, reset or never was there: what a test expects of the network, as against a mistake in the test world. */
export class ConnectionLost extends Error {
  /** `ECONNRESET`, `EPIPE`...; `END` when the peer ended in the middle of what was awaited. */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ConnectionLost'
    this.code = code
  }
}

/** Nothing came in time. Says what was awaited and what had come. */
export class HangError extends Error {
  override readonly name = 'HangError'
}

export interface ReaderOptions {
  /** Milliseconds that one read may take in all; `null` waits for ever (servers: the client decides). */
  readonly timeoutMs?: number | null
  /** Sees every byte as it arrives, before anybody asks for it. */
  readonly onBytes?: (bytes: Buffer) => void
}

interface Wait {
  readonly what: string
  readonly deadline: number | null
}

/**
 * Reads a socket by asking instead of by listening. Bytes that nobody asked for stay here, so nothing that came together
 * with a reply is lost. One read at a time.
 */
export class SocketReader {
  readonly socket: Duplex
  readonly #timeoutMs: number | null
  readonly #onBytes: ((bytes: Buffer) => void) | undefined
  #chunks: Buffer[] = []
  #size = 0
  #ended = false
  #failure: ConnectionLost | undefined
  #wake: (() => void) | undefined

  constructor(socket: Duplex, options: ReaderOptions = {}) {
    this.socket = socket
    this.#timeoutMs = options.timeoutMs === undefined ? 20_000 : options.timeoutMs
    this.#onBytes = options.onBytes
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#onBytes?.(bytes)
    this.#chunks.push(bytes)
    this.#size += bytes.length
    if (this.#size > HIGH_WATER_BYTES) this.socket.pause()
    this.#wake?.()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#failure ??= new ConnectionLost(error.code ?? 'ERROR', `the connection broke: ${error.message}`, error)
    this.#wake?.()
  }

  readonly #onClose = (): void => {
    if (!this.#ended) this.#failure ??= new ConnectionLost('CLOSED', 'this side destroyed the socket')
    this.#wake?.()
  }

  /** What has come and was not read yet. */
  get unread(): Buffer {
    return this.#join()
  }

  /** True when the peer has ended and everything it sent was read. */
  get atEnd(): boolean {
    return this.#ended && this.#size === 0
  }

  /** The next bytes, at most `max`; `null` at the peer's end. */
  async read(max = Number.POSITIVE_INFINITY): Promise<Buffer | null> {
    const wait = this.#begin('any byte')
    while (this.#size === 0) if (!(await this.#more(wait))) return null
    const first = this.#chunks[0] as Buffer
    return this.#take(Math.min(first.length, max))
  }

  /** Makes `bytes` the next ones to be read. */
  putBack(bytes: Buffer): void {
    this.#chunks.unshift(bytes)
    this.#size += bytes.length
  }

  /** @throws {ConnectionLost} END when the peer ends before `count` bytes */
  async readExactly(count: number): Promise<Buffer> {
    const wait = this.#begin(`${count} bytes`)
    while (this.#size < count) if (!(await this.#more(wait))) throw this.#cutShort(wait)
    return this.#take(count)
  }

  /**
   * Everything up to and with the delimiter.
   * @throws {ConnectionLost} END when the peer ends first, LONG after `maxBytes` without it
   */
  async readUntil(delimiter: string, maxBytes = DEFAULT_MAX_LINE_BYTES): Promise<Buffer> {
    const wait = this.#begin(JSON.stringify(delimiter))
    for (;;) {
      const all = this.#join()
      const at = all.indexOf(delimiter, 0, 'latin1')
      if (at >= 0) return this.#take(at + delimiter.length)
      if (all.length > maxBytes) throw new ConnectionLost('LONG', `no ${wait.what} within ${maxBytes} bytes`)
      if (!(await this.#more(wait))) throw this.#cutShort(wait)
    }
  }

  /** Everything until the peer's FIN. @throws {ConnectionLost} when the connection breaks instead */
  async readAll(): Promise<Buffer> {
    const wait = this.#begin('the end')
    while (await this.#more(wait));
    return this.#take(this.#size)
  }

  /** Everything until the connection is over, and how it ended: `end`, or the error's code. */
  async readToClose(): Promise<{ bytes: Buffer; how: string }> {
    const wait = this.#begin('the end')
    try {
      while (await this.#more(wait));
      return { bytes: this.#take(this.#size), how: 'end' }
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      return { bytes: this.#take(this.#size), how: error.code }
    }
  }

  /** Stops reading and gives back what was not read; the socket is paused and belongs to the caller. */
  release(): Buffer {
    const rest = this.#take(this.#size)
    this.socket.pause()
    this.socket.off('data', this.#onData)
    this.socket.off('end', this.#onEnd)
    this.socket.off('close', this.#onClose)
    // The error listener stays: a socket without one takes the process down.
    return rest
  }

  /** Everything from now on is thrown away, so that the connection can end without unread bytes (they would make it a RST). */
  discard(): void {
    this.release()
    this.socket.resume()
  }

  #begin(what: string): Wait {
    return { what, deadline: this.#timeoutMs === null ? null : performance.now() + this.#timeoutMs }
  }

  /** Waits for bytes or the end. False: the peer has ended. */
  async #more({ what, deadline }: Wait): Promise<boolean> {
    if (this.#ended) return false
    if (this.#failure !== undefined) throw this.#failure
    if (this.socket.isPaused()) this.socket.resume()
    const sizeBefore = this.#size
    const inTime = await this.#change(deadline)
    if (this.#size > sizeBefore) return true
    if (!inTime) throw new HangError(`no ${what} within ${this.#timeoutMs} ms; had ${describe(this.#join())}`)
    return this.#more({ what, deadline })
  }

  #change(deadline: number | null): Promise<boolean> {
    return new Promise((resolve) => {
      const timer =
        deadline === null ? undefined : setTimeout(() => done(false), Math.max(0, deadline - performance.now()))
      const done = (inTime: boolean) => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(inTime)
      }
      this.#wake = () => done(true)
    })
  }

  #cutShort({ what }: Wait): ConnectionLost {
    return new ConnectionLost('END', `the peer ended before ${what}; had ${describe(this.#join())}`)
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  #take(count: number): Buffer {
    const first = this.#chunks[0]
    if (count === 0 || first === undefined) return Buffer.alloc(0)
    const source = first.length >= count ? first : this.#join()
    const taken = source.subarray(0, count)
    if (source.length === count) this.#chunks.shift()
    else this.#chunks[0] = source.subarray(count)
    this.#size -= count
    if (this.#size <= HIGH_WATER_BYTES && this.socket.isPaused()) this.socket.resume()
    return taken
  }
}

/** Writes and waits until the kernel has the bytes: back-pressure for code that runs in sequence. @throws {ConnectionLost} */
export function send(socket: Duplex, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed || socket.writableEnded) return reject(new ConnectionLost('CLOSED', 'written after the end'))
    socket.write(bytes, 'latin1', (error?: NodeJS.ErrnoException | null) => {
      if (error) reject(new ConnectionLost(error.code ?? 'ERROR', `the connection broke: ${error.message}`, error))
      else resolve()
    })
  })
}

/**
 * Turns of the event loop in which sockets are polled: what was written before can be read by a peer in this process.
 * One more than `count`, because the first setImmediate may run before the next poll.
 */
export async function turn(count = 1): Promise<void> {
  for (let n = 0; n <= count; n++) await new Promise((resolve) => setImmediate(resolve))
}

/** Sleeps, but no longer than the socket lives: a closed test world leaves no timer. */
export function delay(ms: number, socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    const timer = setTimeout(done, ms)
    socket.once('close', done)
    function done(): void {
      clearTimeout(timer)
      socket.off('close', done)
      resolve()
    }
  })
}

function describe(bytes: Buffer): string {
  const shown = JSON.stringify(bytes.subarray(0, 80).toString('latin1'))
  return bytes.length > 80 ? `${bytes.length} bytes, first ${shown}` : shown
}

/** Says a word through a tunnel and expects it back. @throws {Error} when something else comes */
export async function expectEcho(
  { socket, reader }: { socket: Duplex; reader: SocketReader },
  word: string,
): Promise<void> {
  await send(socket, word)
  const back = (await reader.readExactly(word.length)).toString('latin1')
  if (back !== word) throw new Error(`${JSON.stringify(back)} came back for ${JSON.stringify(word)}`)
}
