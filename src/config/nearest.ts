/** Finds the word that the user probably meant. */

/**
 * The candidate with the smallest edit distance to `word`, or undefined when none is close enough.
 * Case, `-` and `_` are ignored: `idle_after` equals `idleAfter`.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const written = plain(word)
  let best: string | undefined
  // One edit for every three characters, but fewer edits than the word has characters.
  let bestSlips = Math.min(Math.max(1, Math.floor(written.length / 3)), 4) + 1
  for (const candidate of candidates) {
    const slips = isBeginning(written, plain(candidate)) ? 1 : distance(written, plain(candidate))
    if (slips < bestSlips && slips < candidate.length) {
      best = candidate
      bestSlips = slips
    }
  }
  return best
}

/** `idle` for `idleAfter`. */
const isBeginning = (word: string, candidate: string): boolean =>
  word.length >= 3 && candidate.startsWith(word) && candidate !== word

const plain = (word: string): string => word.toLowerCase().replace(/[-_]/g, '')

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  if (a.length > MAX_LENGTH || b.length > MAX_LENGTH) return a === b ? 0 : MAX_LENGTH
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let slips = Math.min(replace, at(last, j) + 1, at(row, j - 1) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, at(beforeLast, j - 2) + 1)
      row.push(slips)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

/** No key is longer, and the table grows with the square of the length. */
const MAX_LENGTH = 64

const at = (row: readonly number[], i: number): number => row[i] ?? Number.POSITIVE_INFINITY
