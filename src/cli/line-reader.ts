/** Lines of standard input, one for each question of a command. */

/**
 * Opens standard input with the first question only. Lines that come before their question are kept: a pipe has all of them at once.
 * @returns reads the next line without its line feed; undefined at the end
 */
export function lineReader(input: NodeJS.ReadableStream = process.stdin): () => Promise<string | undefined> {
  let lines: AsyncIterator<string> | undefined
  return async () => {
    lines ??= process.getBuiltinModule('node:readline').createInterface({ input })[Symbol.asyncIterator]()
    const { done, value } = await lines.next()
    if (done !== true) return value
    return undefined
  }
}
