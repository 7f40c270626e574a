import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { watchFiles } from '../../../src/config/watch.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let folder: string
let clock: FakeClock
let reports: number
const seconds = async (n: number) => clock.advance(n * 1_000)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watch-'))
  clock = new FakeClock()
  reports = 0
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

async function watch(file: string) {
  const watching = watchFiles([join(folder, file)], clock, () => void reports++)
  await seconds(5)
  expect(reports).toBe(1)
  return watching
}

const write = (file: string, text: string) => writeFileSync(join(folder, file), text)

it('reports a file that is written, renamed over, removed and written anew, once each', async () => {
  write('a', '1')
  const watching = await watch('a')
  write('a', '22')
  await seconds(5)
  expect(reports).toBe(2)
  write('b', '333')
  renameSync(join(folder, 'b'), join(folder, 'a'))
  await seconds(5)
  expect(reports).toBe(3)
  rmSync(join(folder, 'a'))
  await seconds(5)
  write('a', '4444')
  await seconds(5)
  expect(reports).toBe(5)
  watching.close()
  write('a', '55555')
  await seconds(5)
  expect(reports).toBe(5)
})

it('follows links: to a file elsewhere, and to a folder that is replaced', async () => {
  for (const name of ['v1', 'v2']) {
    mkdirSync(join(folder, name))
    write(`${name}/a`, name)
  }
  symlinkSync('v1', join(folder, 'current'))
  symlinkSync('current/a', join(folder, 'a'))
  await watch('a')
  write('v1/a', 'another text')
  await seconds(5)
  expect(reports).toBe(2)
  symlinkSync('v2', join(folder, 'next'))
  renameSync(join(folder, 'next'), join(folder, 'current'))
  await seconds(5)
  expect(reports).toBe(3)
})

it('reports nothing while the file is being written', async () => {
  write('a', '')
  await watch('a')
  for (let length = 1; length <= 10; length++) {
    write('a', 'x'.repeat(length))
    clock.advance(500)
  }
  expect(reports).toBe(1)
  clock.advance(500)
  expect(reports).toBe(2)
})
