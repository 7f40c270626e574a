import { statSync } from 'node:fs'

/** Changes when one of the files is written or replaced: links are followed. */
export function versionOf(files: readonly string[]): string {
  return files.map(versionOfFile).join(' ')
}

function versionOfFile(file: string): string {
  const facts = statSync(file, { throwIfNoEntry: false, bigint: true })
  return facts === undefined ? 'none' : `${facts.ino}:${facts.size}:${facts.mtimeNs}`
}
