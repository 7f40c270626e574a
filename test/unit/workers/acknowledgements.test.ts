import { expect, it } from 'vitest'
import { Acknowledgements } from '../../../src/workers/acknowledgements.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function asking(isAnyone = true) {
  const clock = new FakeClock()
  const asked: number[] = []
  const acknowledgements = new Acknowledgements(clock, (question) => asked.push(question) > 0 && isAnyone)
  let ends = 0
  acknowledgements.awaitAll(() => ends++)
  return { clock, acknowledgements, question: asked[0] ?? 0, ends: () => ends }
}

it('ends once, when each process has answered', () => {
  const { acknowledgements, question, ends, clock } = asking()
  acknowledgements.expect(question, 2)
  acknowledgements.received(question)
  expect(ends()).toBe(0)
  acknowledgements.received(question)
  expect(ends()).toBe(1)
  acknowledgements.received(question)
  clock.advance(60_000)
  acknowledgements.close()
  expect(ends()).toBe(1)
})

it('ends at once when there is no other process, or nobody to ask', () => {
  const alone = asking()
  alone.acknowledgements.expect(alone.question, 0)
  expect(alone.ends()).toBe(1)
  expect(asking(false).ends()).toBe(1)
})

it('waits for no process that has ended', () => {
  const { acknowledgements, question, ends, clock } = asking()
  acknowledgements.expect(question, 1)
  clock.advance(2_000)
  expect(ends()).toBe(0)
  clock.advance(2_000)
  expect(ends()).toBe(1)
  const cut = asking()
  cut.acknowledgements.expect(cut.question, 1)
  cut.acknowledgements.close()
  expect(cut.ends()).toBe(1)
})
