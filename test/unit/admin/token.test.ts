import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { storedToken } from '../../../src/admin/api/token.ts'
import { createLog } from '../../../src/log/log.ts'
import { StoreError } from '../../../src/store/errors.ts'
import { assertNoSecret, LogCapture } from '../../support/log-capture.ts'

let folder = ''
let lines = new LogCapture()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-token-'))
  lines = new LogCapture()
  const made = folder
  onTestFinished(() => rmSync(made, { recursive: true }))
})

const stored = async (stateDir: string) => {
  const token = await storedToken(stateDir, createLog({ level: 'info', format: 'json' }, lines))
  assertNoSecret(lines.lines, [token.reveal()])
  return token.reveal()
}
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
const messages = () => lines.records().map(({ msg }) => msg)

it('makes a token that nobody else can read, in a folder that nobody else can enter', async () => {
  const state = join(folder, 'deep', 'state')
  const token = await stored(state)
  expect(Buffer.from(token, 'base64url')).toHaveLength(32)
  expect(readFileSync(join(state, 'admin-token'), 'utf8')).toBe(`${token}\n`)
  expect([modeOf(state), modeOf(join(state, 'admin-token'))]).toEqual(['700', '600'])
  expect(readdirSync(state)).toEqual(['admin-token'])
  expect(messages()).toEqual(['made an admin token: calls that change something need it'])
})

it('uses the same token at the next start', async () => {
  const token = await stored(folder)
  expect(await stored(folder)).toBe(token)
  expect(messages()).toHaveLength(1)
})

it('makes another one in another folder', async () => {
  expect(await stored(join(folder, 'a'))).not.toBe(await stored(join(folder, 'b')))
})

it('uses a token that somebody wrote there, and takes it from other users', async () => {
  const file = join(folder, 'admin-token')
  writeFileSync(file, 'written-by-hand-and-long-enough\r\n')
  chmodSync(file, 0o644)
  expect(await stored(folder)).toBe('written-by-hand-and-long-enough')
  expect([modeOf(file), messages()]).toEqual(['600', [expect.stringMatching(/^other users could read/)]])
})

it.each([
  ['an empty file', ''],
  ['a short token', 'letmein'],
  ['more than a line', `${'a'.repeat(30)}\n${'b'.repeat(30)}\n`],
  ['letters that no header can carry', 'pässwörter-sind-so-eine-sache'],
])('replaces %s', async (_what, text) => {
  writeFileSync(join(folder, 'admin-token'), text)
  const token = await stored(folder)
  expect(token).toHaveLength(43)
  expect(await stored(folder)).toBe(token)
  expect(messages()[0]).toMatch(/cannot be used/)
})

it('names the file and the cause when the token cannot be kept', async () => {
  mkdirSync(join(folder, 'admin-token'))
  await expect(stored(folder)).rejects.toThrow(
    `the admin token in ${join(folder, 'admin-token')} cannot be read or written: EISDIR`,
  )
  writeFileSync(join(folder, 'file'), '')
  await expect(stored(join(folder, 'file'))).rejects.toThrow(
    /the admin token in .* cannot be read or written: (EEXIST|ENOTDIR)/,
  )
  await expect(stored(join(folder, 'file'))).rejects.toBeInstanceOf(StoreError)
})
