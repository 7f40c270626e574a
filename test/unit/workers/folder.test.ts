import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { makeFolder } from '../../../src/workers/folder.ts'

it('removes what killed supervisors of this user have left, and nothing else', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'folders-'))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  const kept = [`turnpike-${process.pid}-alive`, 'turnpike-workers', `other-${dead}-x`, `turnpike-${dead}-listens`]
  for (const name of [...kept, `turnpike-${dead}-left`]) mkdirSync(join(parent, name))
  writeFileSync(join(parent, `turnpike-${dead}-left`, 'control'), '')
  writeFileSync(join(parent, `turnpike-${dead}-file`), '')
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(join(parent, `turnpike-${dead}-listens`, 'control'), resolve))
  onTestFinished(() => void server.close())
  const { folder, place } = await makeFolder(parent)
  expect(new Set(readdirSync(parent).map((name) => join(parent, name)))).toEqual(
    new Set([folder, ...[...kept, `turnpike-${dead}-file`].map((name) => join(parent, name))]),
  )
  expect(dirname(place)).toBe(folder)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
})

it('names the folder that cannot be written, and what to set', async () => {
  const parent = join(tmpdir(), 'no', 'such', 'folder')
  await expect(makeFolder(parent)).rejects.toThrow(`${parent} cannot be written (ENOENT): set TMPDIR`)
})
