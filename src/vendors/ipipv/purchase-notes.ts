/** The state of purchases between an order and its end: it survives a restart. */
import { z } from 'zod'
import type { SourceMemory } from '../client/contract.ts'
import { KeyedMutex } from '../client/keyed-mutex.ts'
import { VendorError } from '../contract/error.ts'

const attemptSchema = z.object({
  operation: z.enum(['instance/open', 'instance/renew']).default('instance/open'),
  appOrderNo: z.string(),
  reqId: z.string(),
  /** The lines of the order, as JSON. */
  params: z.string(),
  count: z.number(),
  /** When it was sent, ms since the epoch. */
  leftAt: z.number().default(0),
})
const noteSchema = z.object({
  version: z.literal(1),
  /** An order without a verdict so far. */
  attempt: attemptSchema.optional(),
  /** ipipv's numbers of orders that were accepted and have not ended. */
  pending: z.array(z.string()),
  /** How many instances those orders are for. */
  pendingCount: z.number().default(0),
  /** Instances of orders that have ended, which must be paid for: kept until the next order, as supply may not have got the number. */
  paid: z.number().default(0),
  /** Instances that were bought here and may still exist. */
  instances: z.array(z.string()),
  /** The price of one instance when an order cost more than permitted. */
  overpaid: z.number().optional(),
})
export type Note = z.infer<typeof noteSchema>
export type Attempt = z.infer<typeof attemptSchema>

export class PurchaseNotes {
  static readonly #ofMemory = new WeakMap<SourceMemory, PurchaseNotes>()
  /** What changes them is done one after the other: two extractions at once would both find too few and both buy. */
  readonly turns = new KeyedMutex()
  readonly #memory: SourceMemory | undefined
  #note: Promise<Note> | undefined

  constructor(memory: SourceMemory | undefined) {
    this.#memory = memory
  }

  /** After a reload, what is under way for the former source and the next source share them. */
  static of(memory: SourceMemory | undefined): PurchaseNotes {
    const notes = (memory && PurchaseNotes.#ofMemory.get(memory)) ?? new PurchaseNotes(memory)
    if (memory !== undefined) PurchaseNotes.#ofMemory.set(memory, notes)
    return notes
  }

  /** @throws {VendorError} class bad_request, or a StoreError, when the recorded state is unreadable */
  read(): Promise<Note> {
    // When it cannot be read, the next call tries again: the operator may have mended the file.
    this.#note ??= this.#load().catch((error: unknown) => {
      this.#note = undefined
      throw error
    })
    return this.#note
  }

  async #load(): Promise<Note> {
    const saved = await this.#memory?.load()
    if (saved === undefined || saved === null)
      return { version: 1, pending: [], pendingCount: 0, paid: 0, instances: [] }
    const read = noteSchema.safeParse(saved)
    if (read.success) return read.data
    // Without it, it is unknown what was bought: further purchases could buy twice.
    throw new VendorError('bad_request', 'memory', 'what was written down about earlier purchases cannot be read')
  }

  /** Resolves when the state would survive a crash. */
  async write(note: Note): Promise<void> {
    await this.#memory?.save(note)
    this.#note = Promise.resolve(note)
  }

  /** The order bought nothing. */
  async forgetAttempt(): Promise<void> {
    const { attempt: _, ...rest } = await this.read()
    await this.write(rest)
  }

  /** Supply knows what the orders cost that have ended. */
  async forgetPaid(): Promise<void> {
    const note = await this.read()
    if (note.paid > 0) await this.write({ ...note, paid: 0 })
  }

  /** Instances that have ended for good need not be queried again. */
  async forgetInstances(numbers: readonly string[]): Promise<void> {
    const note = await this.read()
    const instances = note.instances.filter((number) => !numbers.includes(number))
    if (instances.length < note.instances.length) await this.write({ ...note, instances })
  }
}
