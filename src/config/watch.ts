/**
 * Reports when one of the files of a configuration has been written. They are polled: editors rename a new file over the old one, mounted
 * configurations are links to links that are replaced, and some mounts report no events.
 */
import type { Clock, Timer } from '../clock.ts'
import { versionOf } from '../file-version.ts'

/** A change is reported when the files have stayed the same for so long: a file that is being written is not read. */
const LOOK_EVERY_MS = 500

export interface FileWatch {
  close(): void
}

/** @param onWritten called after each change, and once at the beginning: the caller checks what has changed */
export function watchFiles(files: readonly string[], clock: Clock, onWritten: () => void): FileWatch {
  let seen: string | undefined
  let isReported = false
  let timer: Timer
  const look = () => {
    timer = clock.after(LOOK_EVERY_MS, look)
    const version = versionOf(files)
    const isSettled = version === seen
    seen = version
    if (isSettled && !isReported) onWritten()
    isReported = isSettled
  }
  timer = clock.after(LOOK_EVERY_MS, look)
  return { close: () => timer.clear() }
}
