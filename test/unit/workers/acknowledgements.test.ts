import { expect, it } from 'vitest'
import { Acknowledgements, AcknowledgementsOfWorkers } from '../../../src/workers/acknowledgements.ts'
import { Members } from '../../../src/workers/members.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function asking() {
  const clock = new FakeClock()
  const asked: number[] = []
  const acknowledgements = new Acknowledgements(clock, (question) => asked.push(question) > 0)
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

it('ends at once when there is no other process', () => {
  const { acknowledgements, question, ends } = asking()
  acknowledgements.expect(question, 0)
  expect(ends()).toBe(1)
})

it('asks the next control process when there is none, or when it ends before the answer', () => {
  const clock = new FakeClock()
  let isThere = false
  const asked: number[] = []
  const acknowledgements = new Acknowledgements(clock, (question) => isThere && asked.push(question) > 0)
  let ends = 0
  acknowledgements.awaitAll(() => ends++)
  isThere = true
  acknowledgements.resume()
  acknowledgements.expect(asked[0] ?? 0, 2)
  acknowledgements.received(asked[0] ?? 0)
  acknowledgements.suspend()
  acknowledgements.resume()
  expect([asked.length, ends]).toEqual([2, 0])
  acknowledgements.expect(asked[1] ?? 0, 1)
  acknowledgements.received(asked[1] ?? 0)
  expect(ends).toBe(1)
})

it('many questions without a control process are asked once each', () => {
  let asked = 0
  const acknowledgements = new Acknowledgements(new FakeClock(), () => ++asked < 0)
  for (let n = 0; n < 100; n++) acknowledgements.awaitAll(() => {})
  expect(asked).toBe(100)
})

it('a new control process asks when all workers have come to it', () => {
  const clock = new FakeClock()
  const members = new Members([0, 1])
  const sent: [number, string][] = []
  const asks = new AcknowledgementsOfWorkers(clock, members, (worker, { kind }) => sent.push([worker, kind]))
  members.joined(0)
  members.reported(0)
  asks.ask(0, 7)
  expect(sent).toEqual([])
  members.joined(1)
  members.reported(1)
  expect(sent).toEqual([
    [0, 'acknowledging'],
    [1, 'acknowledge'],
  ])
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

it('a new control process that starts slowly waits for its workers from the time at which they may come', () => {
  const clock = new FakeClock()
  const members = new Members([0])
  let isAsked = false
  members.whenAllHaveReported(() => {
    isAsked = true
  })
  clock.advance(60_000)
  members.mayCome(clock)
  expect(isAsked).toBe(false)
  clock.advance(3_000)
  expect(isAsked).toBe(true)
})
