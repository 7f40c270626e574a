import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { killAndCheck } from '../support/store/kills.ts'

const FOLDERS = 10
const KILLS_EACH = 20
/** A process takes about half a second to start; then it opens the store, which is a moment to be killed in as well. */
const START_MS = 1_000
const WRITING_MS = 400

const folder = mkdtempSync(join(tmpdir(), 'turnpike-torture-'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('kill -9 at a random moment, two hundred times', () => {
  it.each(Array.from({ length: FOLDERS }, (_, n) => n))('folder %i loses nothing that was acknowledged', async (n) => {
    const moment = () => {
      const after = Math.random() < 1 / 3 ? 'start' : 'open'
      return { after, ms: Math.random() * (after === 'start' ? START_MS : WRITING_MS) } as const
    }
    const told = await killAndCheck({ dir: join(folder, String(n)), kills: KILLS_EACH, moment })
    expect(told).toBeGreaterThan(KILLS_EACH)
  })
})
