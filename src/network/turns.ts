/**
 * Connections whose octets take long to parse take turns, so that they do not delay the others.
 *
 * libuv reads up to 32 times from one socket before it looks at the next (`uv__read`). For octets that are only passed on that is a
 * matter of a millisecond. It takes seconds for octets that consist of thousands of chunks or heads. After a read of that kind a
 * connection pauses its socket, and of all such connections only one proceeds in each turn of the event loop.
 */

/** For chunk sizes, chunk extensions and heads, in one turn. 1 KiB for each chunk of data is far below it. */
export const MAX_PARSED_BYTES = 4_096

/** Of the whole process, as the event loop is. */
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
