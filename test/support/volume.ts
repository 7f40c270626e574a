/** Volume with a proof: what was sent and what came are compared by their digests. */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { type SocketReader, send } from './socket-io.ts'

export const MIB = 1_048_576

/** Octets to send from: long enough that no block of a copy looks like its neighbour. */
export const stock = randomBytes(4 * MIB)

/** Sends `bytes` octets in pieces of random sizes. @returns their SHA-256 */
export async function pump(socket: Duplex, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  for (let left = bytes; left > 0; ) {
    const size = Math.min(left, randomInt(3) === 0 ? randomInt(1, 600) : randomInt(1, 400_000))
    const from = randomInt(stock.length - size)
    const piece = stock.subarray(from, from + size)
    hash.update(piece)
    await send(socket, piece)
    left -= size
  }
  return hash.digest('hex')
}

/** Takes `bytes` octets off. @returns their SHA-256 */
export async function drink(reader: SocketReader, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  for (let left = bytes; left > 0; ) {
    const piece = await reader.read(left)
    if (piece === null) throw new Error(`ended ${left} octets early`)
    hash.update(piece)
    left -= piece.length
  }
  return hash.digest('hex')
}
