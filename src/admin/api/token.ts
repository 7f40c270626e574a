/** The bearer token of the admin port: configured, or generated at the first start and kept in the state folder. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../log/log.ts'
import { Secret } from '../../secret.ts'
import { toStoreError } from '../../store/sqlite/causes.ts'

const TOKEN_FILE = 'admin-token'
const TOKEN_BYTES = 32
/** token68 of RFC 9110 section 11.2, too long to be guessed. */
const USABLE = /^[A-Za-z0-9._~+/-]{20,1024}={0,2}$/
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const OTHERS = 0o077

/**
 * The token in `<stateDir>/admin-token`; generated, with permissions for this user only, when there is no usable one.
 * @throws {StoreError} when the folder or the file cannot be read or written
 */
export async function storedToken(stateDir: string, log: Log): Promise<Secret> {
  const file = join(stateDir, TOKEN_FILE)
  return tokenIn(stateDir, file, log).catch((error: unknown) => {
    throw toStoreError(error, `the admin token in ${file} cannot be read or written`)
  })
}

async function tokenIn(stateDir: string, file: string, log: Log): Promise<Secret> {
  await mkdir(stateDir, { recursive: true, mode: FOLDER_MODE })
  const known = await readToken(file)
  if (known !== undefined && USABLE.test(known)) {
    await keepPrivate(file, log)
    return new Secret(known)
  }
  if (known !== undefined) log.warn({ file }, 'the admin token in this file cannot be used: a new one takes its place')
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  await writeToken(file, token)
  log.info({ file }, 'made an admin token: calls that change something need it')
  return new Secret(token)
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Atomic: a reader never sees an incomplete token. */
async function writeToken(file: string, token: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, `${token}\n`, { mode: FILE_MODE, flag: 'wx' })
  await rename(draft, file)
}

async function keepPrivate(file: string, log: Log): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & OTHERS) === 0) return
  log.warn(
    { file },
    'other users could read the admin token: access is taken from them, but write a new token if there are others',
  )
  await chmod(file, FILE_MODE)
}
