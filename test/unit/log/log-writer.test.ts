import { expect, it } from 'vitest'
import { LogWriter } from '../../../src/log/log-writer.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A sink that does what the test says next. */
function setUp() {
  const clock = new FakeClock()
  const writes: { text: string; end: (error?: Error, written?: number) => void }[] = []
  const writer = new LogWriter(clock, {
    isThreaded: true,
    write: (bytes, done) =>
      void writes.push({ text: bytes.toString(), end: (error, written = bytes.length) => done(error, written) }),
  })
  const resumed: number[] = []
  writer.onResumed = (lines) => resumed.push(lines)
  return { clock, writes, writer, resumed, last: () => writes.at(-1) }
}
const full = new Error('ENOSPC')

it('writes one batch at a time: what comes meanwhile is the next one', () => {
  const { writer, writes, last } = setUp()
  for (const line of ['a\n', 'b\n', 'c\n']) writer.write(line)
  expect(writes.map(({ text }) => text)).toEqual(['a\n'])
  last()?.end()
  expect(writes.map(({ text }) => text)).toEqual(['a\n', 'b\nc\n'])
  last()?.end()
  expect([writer.isIdle, writer.lost, writer.blocksExit]).toEqual([true, 0, false])
})

it('loses what cannot be written, counts it, tries again after a second, and then says how much is missing', () => {
  const { clock, writer, writes, resumed, last } = setUp()
  writer.write('a\n')
  writer.write('b\n')
  writer.write('c\n')
  last()?.end(full, 0)
  expect([writer.lost, writes.length]).toEqual([1, 1])
  clock.advance(999)
  expect(writes).toHaveLength(1)
  clock.advance(1)
  expect(last()?.text).toBe('b\nc\n')
  last()?.end(full, 0)
  expect([writer.lost, resumed]).toEqual([3, []])
  writer.write('d\n')
  clock.advance(1_000)
  last()?.end()
  expect([writer.lost, resumed, writes.length]).toEqual([3, [3], 3])
})

it('a line that was cut in the middle counts as lost, and the next one begins a line of its own', () => {
  const { clock, writer, last } = setUp()
  writer.write('aa\n')
  last()?.end()
  writer.write('bb\n')
  last()?.end(full, 1)
  writer.write('cc\n')
  clock.advance(1_000)
  expect([writer.lost, last()?.text]).toEqual([1, '\ncc\n'])
})

it('keeps 1 MiB while a write does not return, and loses the rest', () => {
  const { writer, writes, resumed, last } = setUp()
  const line = `${'x'.repeat(1_023)}\n`
  for (let n = 0; n < 2_000; n++) writer.write(line)
  expect([writes.length, writer.lost, writer.blocksExit]).toEqual([1, 2_000 - 1 - 1_024, true])
  last()?.end()
  expect([writes[1]?.text.length, resumed]).toEqual([1_024 * 1_024, [975]])
})

it('flush ends with the last line, or after a second', async () => {
  const { clock, writer, last } = setUp()
  const states: string[] = []
  await writer.flush()
  writer.write('a\n')
  const flushed = writer.flush().then(() => states.push('flushed'))
  await clock.run(500)
  expect(states).toEqual([])
  last()?.end()
  await flushed
  writer.write('b\n')
  const gaveUp = writer.flush().then(() => states.push('gave up'))
  await clock.run(1_000)
  await gaveUp
  expect([states, writer.isIdle]).toEqual([['flushed', 'gave up'], false])
})

it('who waits for the end of a log that cannot be written waits for one try', async () => {
  const { clock, writer, last } = setUp()
  writer.write('a\n')
  last()?.end(full, 0)
  writer.write('b\n')
  const flushed = writer.flush()
  last()?.end(full, 0)
  await flushed
  expect([writer.lost, writer.isIdle, clock.pendingTimers]).toEqual([2, true, 0])
})
