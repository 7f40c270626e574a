/** Bytes whose value tells their position: a copy that drops, repeats or swaps blocks cannot look right. */

/** `count` bytes of the pattern from `offset`. */
export function pattern(count: number, offset = 0): Buffer {
  const bytes = Buffer.allocUnsafe(count)
  for (let i = 0; i < count; i++) bytes[i] = byteAt(offset + i)
  return bytes
}

/** Where `bytes` first differs from the pattern at `offset`; -1 when it does not. */
export function firstDifference(bytes: Buffer, offset = 0): number {
  return bytes.findIndex((byte, i) => byte !== byteAt(offset + i))
}

function byteAt(position: number): number {
  return (position ^ (position >>> 8) ^ (position >>> 16) ^ 0x5a) & 0xff
}
