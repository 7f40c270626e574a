import { statSync } from 'node:fs'

/** Changes when one of the files is written or replaced, appears or disappears: links are followed. */
export function versionOf(files: readonly string[]): string {
  return files.map(versionOfFile).join(' ')
}

function versionOfFile(file: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(file, { bigint: true })
    return `${ino}:${size}:${mtimeNs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
