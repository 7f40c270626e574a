/** One configuration in all workers, also in those that come while it is being prepared. */
import { expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import type { ToWorker } from '../../../src/workers/messages.ts'
import { Rollout } from '../../../src/workers/rollout.ts'
import { readSettings } from '../../../src/workers/settings-wire.ts'

const FIRST = 0

/** Told apart by `wait.timeout`. */
const configOf = (timeout: string) =>
  parseConfig(
    `{ listen: [{ port: 8080 }], workers: 2, wait: { timeout: ${timeout} }, providers: [{ name: a, vendor: demo }] }`,
    'gateway.yaml',
    {},
  )

/** A rollout with two workers that serve; `told` is what each has been told since then. */
async function begin() {
  const told: string[] = []
  const send = (worker: number, message: ToWorker) => {
    const { kind } = message
    if (kind === 'prepare') told.push(`${worker} prepare ${readSettings(message.settings).config.wait.timeout}`)
    else told.push(`${worker} ${kind}`)
  }
  const rollout = new Rollout({ count: 2, send })
  await rollout.begin(configOf('1s'), true, undefined)
  for (const worker of [0, 1]) {
    rollout.equip(worker, 0)
    rollout.prepared(worker, FIRST)
  }
  told.length = 0
  return { rollout, told }
}

it('a change is taken up by all workers together', async () => {
  const { rollout, told } = await begin()
  const preparing = rollout.prepare(configOf('2s'), [0, 1])
  await Promise.resolve()
  for (const worker of [0, 1]) rollout.prepared(worker, 1)
  const change = await preparing
  change.commit()
  expect(told).toEqual(['0 prepare 2000', '1 prepare 2000', '0 commit', '1 commit'])
})

it('a worker that is brought up to date prepares the next change afterwards', async () => {
  const { rollout, told } = await begin()
  rollout.left(1)
  const first = rollout.prepare(configOf('2s'), [0])
  await Promise.resolve()
  rollout.prepared(0, 1)
  rollout.equip(1, 0)
  rollout.prepared(1, FIRST)
  ;(await first).commit()
  const second = rollout.prepare(configOf('3s'), [0, 1])
  await Promise.resolve()
  rollout.prepared(0, 2)
  ;(await second).commit()
  expect(told.filter((words) => words.startsWith('1')).slice(2)).toEqual(['1 prepare 2000'])
  rollout.prepared(1, FIRST)
  rollout.prepared(1, FIRST)
  expect(told.filter((words) => words.startsWith('1')).slice(3)).toEqual(['1 commit', '1 prepare 3000', '1 commit'])
})

it.each(['before', 'after'])(
  'a worker that comes meanwhile gets it too, when it serves %s the commit',
  async (when) => {
    const { rollout, told } = await begin()
    rollout.left(1)
    const preparing = rollout.prepare(configOf('2s'), [0])
    await Promise.resolve()
    rollout.prepared(0, 1)
    const change = await preparing
    rollout.equip(1, 0)
    if (when === 'before') rollout.prepared(1, FIRST)
    change.commit()
    if (when === 'after') rollout.prepared(1, FIRST)
    rollout.prepared(1, FIRST)
    expect(told.filter((words) => words.startsWith('1'))).toEqual([
      ...['1 prepare 1000', '1 commit'],
      ...['1 prepare 2000', '1 commit'],
    ])
  },
)

it('a worker that is started later and fails is ended; the desk of the control process is not, as it is never restarted', async () => {
  const { rollout } = await begin()
  const DESK = 2
  for (const worker of [1, DESK]) rollout.equip(worker, 0)
  expect(rollout.failed(1, FIRST, { message: 'no port' })).toBe(true)
  expect(rollout.failed(DESK, FIRST, { message: 'no certificate' })).toBe(false)
})
