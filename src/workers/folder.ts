/** The folder of the control process's socket, for as long as the gateway runs. */
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { translate } from '../messages/translate.ts'

const SOCKET = 'control'
/** With the number of the supervisor: when it was killed, nothing else has removed the folder. */
const NAME = /^turnpike-(\d+)-/

/**
 * Makes the folder, of mode 0700, and removes those of supervisors of this user that were killed.
 * @param parent the system's folder for such things
 * @returns the folder, and where the socket is to be in it
 * @throws {CommandError} when the folder cannot be made
 */
export async function makeFolder(parent: string): Promise<{ readonly folder: string; readonly place: string }> {
  for (const name of await readdir(parent).catch(() => [])) await removeStale(parent, name)
  try {
    const folder = await mkdtemp(join(parent, `turnpike-${process.pid}-`))
    return { folder, place: join(folder, SOCKET) }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new CommandError(
      translate('workers need a folder for a socket, and {parent} cannot be written ({code}): set TMPDIR', {
        parent,
        code,
      }),
      { cause: error },
    )
  }
}

async function removeStale(parent: string, name: string): Promise<void> {
  const pid = Number(NAME.exec(name)?.[1])
  if (Number.isNaN(pid) || isAlive(pid)) return
  const folder = join(parent, name)
  try {
    const facts = await lstat(folder)
    // A process in another container that shares the folder has a number that is not known here.
    const isOurs = facts.isDirectory() && facts.uid === process.getuid?.()
    if (isOurs && !(await answers(join(folder, SOCKET)))) await rm(folder, { recursive: true, force: true })
  } catch {
    // Another supervisor has just removed it.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function answers(place: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
