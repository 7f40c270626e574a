/**
 * Standard output as the place of the log. Writing a line never waits, never throws and never ends the process, whatever
 * becomes of the disk or of the reader of the pipe: what cannot be written is lost, and counted.
 *
 *   line ──▶ waiting, at most 1 MiB ──all of them at a time──▶ descriptor
 *                 └─ over that: lost                              └─ error: they are lost, the next try is 1 s later
 *
 * Pipes and sockets are written to without blocking; files and terminals by a thread of Node's pool, which alone can be
 * held up by a disk.
 */
import { fstatSync, write } from 'node:fs'
import { Socket } from 'node:net'
import type { Clock, Timer } from '../clock.ts'

const MAX_WAITING_CHARACTERS = 1_048_576
const RETRY_MS = 1_000
/** A descriptor that another process has made non-blocking takes nothing more at this moment. */
const BUSY_RETRY_MS = 50
/** How long the end of the process waits for the last lines. */
const FLUSH_MS = 1_000

/** @param written octets of them that were written */
type Done = (error: Error | undefined, written: number) => void

interface Sink {
  write(bytes: Buffer, done: Done): void
  /** A write that does not return keeps `process.exit` from returning. */
  readonly isThreaded: boolean
}

export class LogWriter {
  /** Lines that were not written, since the process began. */
  lost = 0
  /** Called when lines can be written again. @param lines how many were lost meanwhile */
  onResumed: ((lines: number) => void) | undefined
  #sink: Sink | undefined
  readonly #clock: Clock
  #waiting: string[] = []
  #waitingCharacters = 0
  #isWriting = false
  #retry: Timer | undefined
  /** Since the last success. */
  #lostNow = 0
  /** The last line in the file has no end. */
  #isCut = false
  readonly #flushed: (() => void)[] = []

  /** @param sink standard output by default, opened for the first line */
  constructor(clock: Clock, sink?: Sink) {
    this.#clock = clock
    this.#sink = sink
  }

  /** @param line ends in a line feed */
  write(line: string): void {
    if (this.#waitingCharacters + line.length > MAX_WAITING_CHARACTERS) return void this.#lose(1)
    this.#waiting.push(line)
    this.#waitingCharacters += line.length
    if (this.#retry === undefined) this.#next()
  }

  #next(): void {
    if (this.#isWriting) return
    if (this.#waiting.length === 0) {
      for (const resolve of this.#flushed.splice(0)) resolve()
      return
    }
    const bytes = Buffer.from((this.#isCut ? '\n' : '') + this.#waiting.join(''))
    this.#waiting = []
    this.#waitingCharacters = 0
    this.#isWriting = true
    this.#sink ??= standardOutput(this.#clock)
    this.#sink.write(bytes, (error, written) => {
      this.#isWriting = false
      if (error === undefined) this.#succeeded()
      else this.#failed(bytes, written)
      if (this.#retry === undefined) this.#next()
    })
  }

  #succeeded(): void {
    this.#isCut = false
    const lines = this.#lostNow
    this.#lostNow = 0
    if (lines > 0) this.onResumed?.(lines)
  }

  #failed(bytes: Buffer, written: number): void {
    if (written > 0) this.#isCut = bytes[written - 1] !== LF
    this.#lose(countLines(bytes.subarray(written)))
    // Who waits for the end of the log gets no second try.
    if (this.#flushed.length > 0) return
    this.#retry = this.#clock.after(RETRY_MS, () => this.#tryAgain())
  }

  #tryAgain(): void {
    this.#retry?.clear()
    this.#retry = undefined
    this.#next()
  }

  #lose(lines: number): void {
    this.lost += lines
    this.#lostNow += lines
  }

  /** Whether every line was written or lost. */
  get isIdle(): boolean {
    return !this.#isWriting && this.#waiting.length === 0
  }

  /** A write to a file or a terminal has not returned: `process.exit` would wait for it. */
  get blocksExit(): boolean {
    return this.#isWriting && this.#sink?.isThreaded === true
  }

  /** Resolves when every line was written or lost, at the latest after 1 s. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(FLUSH_MS, resolve)
      this.#flushed.push(() => {
        timer.clear()
        resolve()
      })
      this.#tryAgain()
    })
  }
}

const LF = 0x0a

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines++
  return lines
}

const STANDARD_OUTPUT = 1

function standardOutput(clock: Clock): Sink {
  try {
    const kind = fstatSync(STANDARD_OUTPUT)
    if (kind.isFIFO() || kind.isSocket()) return pipeSink(STANDARD_OUTPUT)
  } catch {
    // It is closed: each write says so.
  }
  return fileSink(STANDARD_OUTPUT, clock)
}

/** @param fd a pipe or a stream socket */
function pipeSink(fd: number): Sink {
  const socket = new Socket({ fd, readable: false, writable: true })
  // The callback of each write gets the error too.
  socket.on('error', () => {})
  return {
    isThreaded: false,
    write: (bytes, done) => void socket.write(bytes, (error) => done(error ?? undefined, error ? 0 : bytes.length)),
  }
}

/** @param fd a file, a device or a terminal */
function fileSink(fd: number, clock: Pick<Clock, 'after'>): Sink {
  const writeFrom = (from: number, bytes: Buffer, done: Done): void => {
    write(fd, bytes, from, (error, count) => {
      if (error?.code === 'EAGAIN') return void clock.after(BUSY_RETRY_MS, () => writeFrom(from, bytes, done))
      if (error) return done(error, from)
      if (from + count < bytes.length) return writeFrom(from + count, bytes, done)
      done(undefined, bytes.length)
    })
  }
  return { isThreaded: true, write: (bytes, done) => writeFrom(0, bytes, done) }
}
