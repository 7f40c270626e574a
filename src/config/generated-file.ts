/** Files that are made from the sources and kept in the repository. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)

/**
 * Writes a generated file. With `--check` on the command line it writes nothing, and the process ends with 1 when the file is not
 * up to date.
 * @param path from the root of the repository
 * @param source what it is made from, and the command that does that, for the message
 */
export function writeGenerated(
  path: string,
  text: string,
  source: { readonly folder: string; readonly command: string },
): void {
  const file = fileURLToPath(new URL(path, ROOT))
  if (!process.argv.includes('--check')) return void writeFileSync(file, text)
  if (readFileSync(file, 'utf8') === text) return
  const { folder, command } = source
  process.stderr.write(`${path} is not what ${folder} says: run "${command}" and commit the result\n`)
  process.exitCode = 1
}
