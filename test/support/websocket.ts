/** RFC 6455, as little as an echo needs: whole frames, text, ping and close. */
import { createHash, randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { formatHead, header, type ResponseHead, readResponseHead } from './http-wire.ts'
import { ConnectionLost, type SocketReader, send } from './socket-io.ts'

const TEXT = 0x1
const CLOSE = 0x8
const PING = 0x9
const PONG = 0xa
/** RFC 6455 section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

interface Frame {
  readonly opcode: number
  readonly masked: boolean
  readonly payload: Buffer
}

export function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64')
}

/** Answers every text with itself, until a close frame. @throws {ConnectionLost} PROTOCOL for an unmasked frame */
export async function echoFrames(reader: SocketReader): Promise<void> {
  for (;;) {
    const frame = await readFrame(reader)
    if (!frame.masked) throw new ConnectionLost('PROTOCOL', 'a client must mask its frames')
    if (frame.opcode === PING) await send(reader.socket, encodeFrame(PONG, frame.payload))
    else await send(reader.socket, encodeFrame(frame.opcode, frame.payload))
    if (frame.opcode === CLOSE) return
  }
}

export interface WebSocketClient {
  readonly head: ResponseHead
  say(text: string): Promise<void>
  hear(): Promise<string>
  /** Says goodbye and waits for the answer, then for the end of the connection. */
  close(): Promise<void>
}

/**
 * Upgrades an open connection.
 * @param target of the request line: a path in a tunnel, an absolute `http://` URL towards a proxy
 * @param extra header lines, such as Proxy-Authorization
 * @throws {ConnectionLost} REFUSED with the status when the answer is not 101
 */
export async function openWebSocket(
  reader: SocketReader,
  target: string,
  host: string,
  extra: readonly (readonly [string, string])[] = [],
): Promise<WebSocketClient> {
  const key = randomBytes(16).toString('base64')
  const upgrade = [
    ['Host', host],
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', key],
  ] as const
  await send(reader.socket, formatHead(`GET ${target} HTTP/1.1`, [...upgrade, ...extra]))
  const head = await readResponseHead(reader)
  if (head.status !== 101) throw new ConnectionLost('REFUSED', `answered with ${head.status}`)
  if (header(head.headers, 'sec-websocket-accept') !== acceptFor(key))
    throw new ConnectionLost('PROTOCOL', 'wrong accept')
  return { head, ...conversation(reader) }
}

function conversation(reader: SocketReader): Omit<WebSocketClient, 'head'> {
  return {
    say: (text) => sendMasked(reader.socket, TEXT, Buffer.from(text)),
    hear: async () => (await readFrame(reader)).payload.toString(),
    close: async () => {
      await sendMasked(reader.socket, CLOSE, Buffer.from([0x03, 0xe8])) // 1000: normal
      while ((await readFrame(reader)).opcode !== CLOSE);
      await reader.readAll()
      reader.socket.end()
    },
  }
}

function sendMasked(socket: Duplex, opcode: number, payload: Buffer): Promise<void> {
  return send(socket, encodeFrame(opcode, payload, randomBytes(4)))
}

function encodeFrame(opcode: number, payload: Buffer, mask?: Buffer): Buffer {
  const maskBit = mask === undefined ? 0 : 0x80
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, maskBit | payload.length])
      : Buffer.from([0x80 | opcode, maskBit | 127, 0, 0, 0, 0, 0, 0, 0, 0])
  if (head.length > 2) head.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat(mask === undefined ? [head, payload] : [head, mask, applyMask(payload, mask)])
}

async function readFrame(reader: SocketReader): Promise<Frame> {
  const [first = 0, second = 0] = await reader.readExactly(2)
  const length = await readLength(reader, second & 0x7f)
  const masked = (second & 0x80) !== 0
  const mask = masked ? await reader.readExactly(4) : Buffer.alloc(4)
  return { opcode: first & 0x0f, masked, payload: applyMask(await reader.readExactly(length), mask) }
}

async function readLength(reader: SocketReader, short: number): Promise<number> {
  if (short === 126) return (await reader.readExactly(2)).readUInt16BE()
  return short === 127 ? Number((await reader.readExactly(8)).readBigUInt64BE()) : short
}

function applyMask(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)))
}
