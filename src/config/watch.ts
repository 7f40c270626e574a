/**
 * Tells when one of the files of a configuration has been written. Editors write a new file and rename it over the old one, and mounted
 * configurations are symbolic links that are replaced: so the folder is watched, not the file. A file is read when nothing
 * has happened in its folder for a moment, so that one that is half written is not.
 */
import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../clock.ts'

const QUIET_MS = 300

export interface FileWatch {
  close(): void
}

/**
 * @param onWritten called after anything in a folder was written: whether a file has changed is for its reader to see
 * @param onFailed a folder cannot be watched (any more)
 */
export function watchFiles(
  files: readonly string[],
  clock: Clock,
  onWritten: () => void,
  onFailed: (error: NodeJS.ErrnoException) => void,
): FileWatch {
  let timer: Timer | undefined
  const settle = () => {
    timer?.clear()
    timer = clock.after(QUIET_MS, onWritten)
  }
  const watchers: FSWatcher[] = []
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    try {
      watchers.push(watch(folder, { persistent: false }, settle).on('error', onFailed))
    } catch (error) {
      onFailed(error as NodeJS.ErrnoException)
    }
  }
  return {
    close() {
      timer?.clear()
      for (const watcher of watchers) watcher.close()
    },
  }
}
