/**
 * A small value that must survive a crash, in a file of its own in the state folder: an order that was sent and may never get an
 * answer. Written to a new file, synchronised, then renamed over the old one.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from './errors.ts'

export interface MemoryFile {
  /** @returns the last saved value; undefined when there is none */
  load(): Promise<unknown>
  /** Resolves only when the value would survive a crash. @throws the system's error when it cannot be written */
  save(value: unknown): Promise<void>
}

const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600

/**
 * @param name of the provider; its file is `<dir>/provider-<name>.json`
 * @param kind another value of the provider; its file begins with it
 */
export function memoryFile(dir: string, name: string, kind = 'provider'): MemoryFile {
  const path = join(dir, `${kind}-${encodeURIComponent(name)}.json`)
  return { load: () => load(path), save: (value) => save(path, value) }
}

/** In place of a file: it ends with the process. */
export function memoryOfProcess(): MemoryFile {
  let saved: unknown
  return {
    load: async () => saved,
    save: async (value) => {
      saved = value
    },
  }
}

async function load(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    // An order that is not known to be settled must not be forgotten: buying stops until the operator has checked it.
    throw new StoreError('failed', `${path} cannot be read: see what was ordered, then remove it`)
  }
}

async function save(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER })
  const draft = `${path}.${randomUUID()}`
  try {
    await writeSynced(draft, JSON.stringify(value))
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw error
  }
  const folder = await open(dirname(path), 'r')
  // The new directory entry must be on the disk too.
  await folder.sync().finally(() => folder.close())
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', PRIVATE_FILE)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
