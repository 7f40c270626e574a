/**
 * Connections whose octets take long to parse take turns, so that they do not delay the others.
 *
 * libuv reads up to 32 times from one socket before it looks at the next (`uv__read`). To pass that much on takes a millisecond; to
 * parse it takes seconds when it consists of thousands of chunks or heads. After a read of that kind a connection pauses its socket, and
 * of all such connections only one proceeds in each turn of the event loop.
 */

/**
 * Octets of heads and of the framing of chunks that one connection parses in one turn. Ordinary bodies stay below it: 64 KiB in chunks
 * of 1 KiB have 448 octets of framing.
 */
export const MAX_PARSED_BYTES = 4_096

/** Of the whole process, which has one event loop. */
const waiting = new Set<() => void>()

/** @param proceed called once, in a later turn of the event loop; must not throw */
export function awaitTurn(proceed: () => void): void {
  if (waiting.size === 0) setImmediate(callOne)
  waiting.add(proceed)
}

function callOne(): void {
  for (const proceed of waiting) {
    waiting.delete(proceed)
    if (waiting.size > 0) setImmediate(callOne)
    return void proceed()
  }
}
