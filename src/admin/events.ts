/**
 * The event stream for any number of readers: computed once a second for all of them together, and not at all without readers.
 * Nothing waits for a reader: one whose buffer is full is disconnected, and may connect again.
 */
import type { Clock, Timer } from '../clock.ts'
import { topics as allTopics, type Topic } from './api/schemas/topics.ts'
import type { Feed } from './feeds/feed.ts'

export type Feeds = Readonly<Record<Topic, Feed>>

const TICK_MS = 1_000
/** Pause between two pieces of a new reader's first events: time for the clients' traffic. */
const PIECE_PAUSE_MS = 5
const MAX_READERS = 16
/** Octets that may wait for a slow reader before it is disconnected. */
const MAX_BUFFERED_BYTES = 4_194_304

/** One event, the same object for every reader. */
export class StreamEvent {
  readonly topic: Topic
  readonly data: object
  #bytes: Uint8Array | undefined

  constructor(topic: Topic, data: object) {
    this.topic = topic
    this.data = data
  }

  /** As a server-sent event (WHATWG HTML, section 9.2). */
  get bytes(): Uint8Array {
    this.#bytes ??= Buffer.from(`event: ${this.topic}\ndata: ${JSON.stringify(this.data)}\n\n`)
    return this.#bytes
  }
}

interface Reader {
  readonly topics: readonly Topic[]
  /** Topics of which it has received the first piece. */
  readonly begun: Set<Topic>
  readonly controller: ReadableStreamDefaultController<StreamEvent>
}

export class EventHub {
  readonly #feeds: Feeds
  readonly #clock: Clock
  readonly #readers = new Set<Reader>()
  #timer: Timer | undefined

  constructor(feeds: Feeds, clock: Clock) {
    this.#feeds = feeds
    this.#clock = clock
  }

  /** @returns undefined when there are too many readers */
  open(topics: readonly Topic[]): ReadableStream<StreamEvent> | undefined {
    if (this.#readers.size >= MAX_READERS) return undefined
    let reader: Reader | undefined
    const pieces = this.#firstPieces(topics)
    return new ReadableStream<StreamEvent>(
      {
        start: (controller) => {
          reader = { topics, begun: new Set(), controller }
          this.#enter(reader)
        },
        pull: async (controller) => {
          const { done, value } = pieces.next()
          if (done === true || reader === undefined) return
          reader.begun.add(value.topic)
          controller.enqueue(value)
          await this.#clock.sleep(PIECE_PAUSE_MS)
        },
        cancel: () => {
          if (reader !== undefined) this.#leave(reader)
        },
      },
      { highWaterMark: 1, size: ({ bytes }) => bytes.byteLength },
    )
  }

  *#firstPieces(topics: readonly Topic[]): Generator<StreamEvent> {
    for (const topic of topics) {
      for (const data of this.#feeds[topic].first()) yield new StreamEvent(topic, data)
    }
  }

  #enter(reader: Reader): void {
    for (const topic of reader.topics) {
      if (!this.#isRead(topic)) this.#feeds[topic].begin()
    }
    this.#readers.add(reader)
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#tick())
  }

  #isRead(topic: Topic): boolean {
    for (const { topics } of this.#readers) if (topics.includes(topic)) return true
    return false
  }

  #leave(reader: Reader): void {
    this.#readers.delete(reader)
    for (const topic of reader.topics) if (!this.#isRead(topic)) this.#feeds[topic].end()
    if (this.#readers.size > 0) return
    this.#timer?.clear()
    this.#timer = undefined
  }

  #tick(): void {
    this.#timer = this.#clock.after(TICK_MS, () => this.#tick())
    for (const topic of allTopics) {
      if (!this.#isRead(topic)) continue
      for (const data of this.#feeds[topic].changes()) this.#send(new StreamEvent(topic, data))
    }
  }

  #send(event: StreamEvent): void {
    for (const reader of this.#readers) {
      if (!reader.begun.has(event.topic)) continue
      reader.controller.enqueue(event)
      if ((reader.controller.desiredSize ?? 0) >= -MAX_BUFFERED_BYTES) continue
      reader.controller.error(new Error('the reader of the event stream is too slow'))
      this.#leave(reader)
    }
  }

  /** Ends every stream. */
  close(): void {
    for (const reader of [...this.#readers]) {
      this.#leave(reader)
      reader.controller.close()
    }
  }
}

/** The stream as the octets of an HTTP answer. */
export function toServerSentEvents(events: ReadableStream<StreamEvent>): ReadableStream<Uint8Array> {
  const reader = events.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value.bytes)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
