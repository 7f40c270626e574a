/** A conversation of a raw client with a port, and the answers in it, read apart from every parser of the gateway's and of Node's. */
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { readBody, readResponseHead, responseFraming, staysOpen, WireError } from './http-wire.ts'
import { ConnectionLost, HangError, SocketReader, turn } from './socket-io.ts'

/** No conversation takes longer unless something hangs. */
const PATIENCE_MS = 20_000

interface Answer {
  readonly status: number
  /** latin1 */
  readonly body: string
  /** No other answer may follow. */
  readonly isLast: boolean
  /** The code of an error of the gateway's. */
  readonly code: string | undefined
}

/** What came back, whole answers first. */
export interface Answers {
  readonly answers: readonly Answer[]
  /** `whole`: nothing was left; `cut`: the connection ended inside an answer; else why what came is no answer. */
  readonly end: 'whole' | 'cut' | string
}

/**
 * Sends pieces, each in a read of its own, then ends its side, and keeps what comes back until the connection is closed.
 * @param staysOpen does not end its side: a client that has ended is not served when it must wait for an upstream (ADR 0011)
 * @throws {HangError}
 */
export function converse(port: number, pieces: readonly Buffer[], staysOpen = false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(
        new HangError(`a conversation that does not end: ${JSON.stringify(Buffer.concat(pieces).toString('latin1'))}`),
      )
    }, PATIENCE_MS)
    socket.on('data', (bytes) => received.push(bytes))
    socket.on('end', () => socket.end())
    // A reset: the gateway had closed while something was on its way.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(received))
    })
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (socket.writable) socket.write(piece)
        if (pieces.length > 1) await turn()
      }
      if (socket.writable && !staysOpen) socket.end()
    })
  })
}

/** @param methods of the requests that are answered, in order */
export async function readAnswers(bytes: Buffer, methods: readonly string[]): Promise<Answers> {
  const stream = new PassThrough()
  stream.end(bytes)
  const reader = new SocketReader(stream)
  const answers: Answer[] = []
  try {
    while (!(await isAtEnd(reader))) {
      const answer = await readAnswer(reader, methods[answers.length] ?? 'GET')
      if (answer !== undefined) answers.push(answer)
    }
    return { answers, end: 'whole' }
  } catch (error) {
    if (error instanceof WireError) return { answers, end: error.message }
    if (error instanceof ConnectionLost) return { answers, end: 'cut' }
    throw error
  }
}

async function isAtEnd(reader: SocketReader): Promise<boolean> {
  const first = await reader.read()
  if (first === null) return true
  reader.putBack(first)
  return false
}

/** @returns undefined for an interim answer */
async function readAnswer(reader: SocketReader, method: string): Promise<Answer | undefined> {
  const head = await readResponseHead(reader)
  if (head.status < 200) return undefined
  const pieces: Buffer[] = []
  for await (const piece of readBody(reader, responseFraming(head, method))) pieces.push(piece)
  const body = Buffer.concat(pieces).toString('latin1')
  const code = /^GW_\w+/.exec(head.reason)?.[0]
  return { status: head.status, body, isLast: !staysOpen(head), code }
}
