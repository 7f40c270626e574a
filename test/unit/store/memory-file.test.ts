import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { memoryFile } from '../../../src/store/memory-file.ts'

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'memory-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

it('gives back what was saved last, also to the next process, and leaves no draft behind', async () => {
  const dir = join(folder(), 'state')
  expect(await memoryFile(dir, 'a/b').load()).toBeUndefined()
  await memoryFile(dir, 'a/b').save({ order: 1 })
  await memoryFile(dir, 'a/b').save({ order: 2, unknown: true })
  expect(await memoryFile(dir, 'a/b').load()).toEqual({ order: 2, unknown: true })
  expect(await memoryFile(dir, 'other').load()).toBeUndefined()
  expect(readdirSync(dir)).toEqual(['provider-a%2Fb.json'])
})

it('is nobody else’s to read', async () => {
  const dir = join(folder(), 'state')
  await memoryFile(dir, 'a').save({})
  expect([statSync(dir).mode & 0o777, statSync(join(dir, 'provider-a.json')).mode & 0o777]).toEqual([0o700, 0o600])
})

it('does not take a damaged file for nothing', async () => {
  const dir = folder()
  writeFileSync(join(dir, 'provider-a.json'), '{"order":')
  await expect(memoryFile(dir, 'a').load()).rejects.toThrow(/provider-a\.json cannot be read/)
})

it('leaves no draft behind when the value cannot be saved', async () => {
  const dir = folder()
  mkdirSync(join(dir, 'provider-a.json'))
  await expect(memoryFile(dir, 'a').save({})).rejects.toThrow()
  expect(readdirSync(dir)).toEqual(['provider-a.json'])
})
