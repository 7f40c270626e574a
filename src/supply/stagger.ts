/**
 * Addresses that were bought together end together, and so would their successors. Replacing some of them earlier, once,
 * separates their lives permanently: it costs a part of one life, and from then on the pool never empties at once.
 */

/** The deadlines of a pool that was bought at once are spread over this part of a life. */
const SPREAD = 1 / 4

/**
 * Moves instants forward in time, to earlier ones, until neighbours are far enough apart; the last of them stays.
 * @param orderAts when the successor of each address is to be ordered, clock ms, in any order; sorted and changed in place
 * @param lifeMs the shortest life among them
 */
export function stagger(orderAts: number[], lifeMs: number): void {
  orderAts.sort((a, b) => a - b)
  const apartMs = (lifeMs * SPREAD) / orderAts.length
  for (let at = orderAts.length - 2; at >= 0; at--) {
    const latest = (orderAts[at + 1] ?? 0) - apartMs
    if ((orderAts[at] ?? 0) > latest) orderAts[at] = latest
  }
}
