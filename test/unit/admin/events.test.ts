/** The event stream: who is sent what, and that it costs nothing without readers. */
import { expect, it } from 'vitest'
import { topics } from '../../../src/admin/api/schemas/topics.ts'
import { EventHub, type Feeds, type StreamEvent, toServerSentEvents } from '../../../src/admin/events.ts'
import type { Feed } from '../../../src/admin/feeds/feed.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class TestFeed implements Feed {
  readonly calls: string[] = []
  pieces: object[] = [{ piece: 1 }]
  news: object[] = []

  begin(): void {
    this.calls.push('begin')
  }

  first(): Iterable<object> {
    return this.pieces
  }

  changes(): Iterable<object> {
    this.calls.push('changes')
    return this.news.splice(0)
  }

  end(): void {
    this.calls.push('end')
  }
}

function start() {
  const clock = new FakeClock()
  const feeds = Object.fromEntries(topics.map((topic) => [topic, new TestFeed()])) as Record<keyof Feeds, TestFeed>
  return { clock, feeds, hub: new EventHub(feeds, clock) }
}

/** What a reader has been sent so far. */
class TestReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #clock: FakeClock
  text = ''
  failure: unknown

  constructor(stream: ReadableStream<StreamEvent> | undefined, clock: FakeClock) {
    if (stream === undefined) throw new Error('there is no stream')
    this.#reader = toServerSentEvents(stream).getReader()
    this.#clock = clock
    void this.#read()
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read()
        if (done) return
        this.text += Buffer.from(value).toString()
      }
    } catch (error) {
      this.failure = error
    }
  }

  async pass(ms: number): Promise<this> {
    await this.#clock.run(ms)
    return this
  }

  leave(): Promise<void> {
    return this.#reader.cancel()
  }
}

it('does nothing while no one reads', () => {
  const { clock, feeds } = start()
  clock.advance(60_000)
  expect([clock.pendingTimers, feeds.pool.calls]).toEqual([0, []])
})

it('sends the whole in pieces, then what changes, once a second', async () => {
  const { clock, feeds, hub } = start()
  feeds.pool.pieces = [{ piece: 1 }, { piece: 2 }]
  const reader = new TestReader(hub.open(['pool']), clock)
  await reader.pass(50)
  const first = 'event: pool\ndata: {"piece":1}\n\nevent: pool\ndata: {"piece":2}\n\n'
  expect(reader.text).toBe(first)
  feeds.pool.news = [{ changed: '中\n文' }]
  await reader.pass(1_000)
  expect(reader.text).toBe(`${first}event: pool\ndata: {"changed":"中\\n文"}\n\n`)
  await reader.pass(3_000)
  expect(feeds.pool.calls).toEqual(['begin', 'changes', 'changes', 'changes', 'changes'])
  await reader.leave()
})

it('works out a topic once for all readers, and only topics that are read', async () => {
  const { clock, feeds, hub } = start()
  const one = new TestReader(hub.open(['pool', 'verdict']), clock)
  const two = new TestReader(hub.open(['pool']), clock)
  await one.pass(100)
  feeds.pool.news = [{ a: 1 }]
  await one.pass(1_000)
  expect([one, two].map(({ text }) => text.includes('{"a":1}'))).toEqual([true, true])
  expect(feeds.pool.calls).toEqual(['begin', 'changes'])
  expect(feeds.providers.calls).toEqual([])
  await one.leave()
  expect([feeds.verdict.calls.at(-1), feeds.pool.calls.at(-1)]).toEqual(['end', 'changes'])
  await two.leave()
  expect([feeds.pool.calls.at(-1), clock.pendingTimers]).toEqual(['end', 0])
})

it('sends no change of a topic before its beginning', async () => {
  const { clock, feeds, hub } = start()
  feeds.verdict.pieces = Array.from({ length: 400 }, (_, piece) => ({ piece }))
  const reader = new TestReader(hub.open(['verdict', 'pool']), clock)
  feeds.pool.news = [{ early: true }]
  await reader.pass(1_100)
  expect(reader.text).not.toContain('early')
  await reader.pass(2_000)
  expect(reader.text).toContain('event: pool\ndata: {"piece":1}')
  await reader.leave()
})

it('drops a reader that does not read, and keeps the others', async () => {
  const { clock, feeds, hub } = start()
  const slow = hub.open(['pool'])
  const reader = new TestReader(hub.open(['pool']), clock)
  await reader.pass(100)
  for (let i = 0; i < 6; i++) {
    feeds.pool.news = [{ much: 'x'.repeat(1_000_000) }]
    await reader.pass(1_000)
  }
  await expect(slow?.getReader().read()).rejects.toThrow('too slow')
  expect(reader.text.length).toBeGreaterThan(6_000_000)
  await reader.leave()
})

it('has a limit of readers, and ends them when it closes', async () => {
  const { clock, hub } = start()
  const readers = Array.from({ length: 16 }, () => new TestReader(hub.open(['verdict']), clock))
  expect(hub.open(['verdict'])).toBeUndefined()
  await readers[0]?.leave()
  readers.push(new TestReader(hub.open(['verdict']), clock))
  hub.close()
  await clock.run(10)
  expect(clock.pendingTimers).toBe(0)
  expect(readers.map(({ failure }) => failure)).toEqual(Array(17).fill(undefined))
})
