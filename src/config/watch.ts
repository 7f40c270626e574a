/**
 * Reports when one of the files of a configuration has been written. Editors write a new file and rename it over the old one, and
 * mounted configurations are symbolic links that are replaced: so the folder is watched, not the file. A file is read after a
 * short time without events in its folder, so that a half-written file is not read.
 */
import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../clock.ts'

const QUIET_MS = 300

export interface FileWatch {
  close(): void
}

/**
 * @param onWritten called after any write in the folder: the caller checks whether a file has changed
 * @param onFailed a folder cannot be watched, or no longer
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
