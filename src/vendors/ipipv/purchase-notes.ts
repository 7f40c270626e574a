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

/** By account: another key knows none of these orders and instances, and may be changed back. */
const recordSchema = z.object({ version: z.literal(2), accounts: z.record(z.string(), noteSchema) })
type Accounts = z.infer<typeof recordSchema>['accounts']

const NOTHING: Note = { version: 1, pending: [], pendingCount: 0, paid: 0, instances: [] }

/** What one memory holds. */
interface Book {
  readonly memory: SourceMemory | undefined
  readonly turns: KeyedMutex
  accounts: Promise<Accounts> | undefined
}

export class PurchaseNotes {
  static readonly #ofMemory = new WeakMap<SourceMemory, Book>()
  readonly #book: Book
  readonly #account: string

  /** After a reload, what is under way for the former source and the next source share them. */
  constructor(memory: SourceMemory | undefined, account: string) {
    const known = memory && PurchaseNotes.#ofMemory.get(memory)
    this.#book = known ?? { memory, turns: new KeyedMutex(), accounts: undefined }
    this.#account = account
    if (memory !== undefined) PurchaseNotes.#ofMemory.set(memory, this.#book)
  }

  /** What changes them is done one after the other: two extractions at once would both find too few and both buy. */
  get turns(): KeyedMutex {
    return this.#book.turns
  }

  /** @throws {VendorError} class bad_request, or a StoreError, when the recorded state is unreadable */
  async read(): Promise<Note> {
    return (await this.#accounts())[this.#account] ?? NOTHING
  }

  #accounts(): Promise<Accounts> {
    const book = this.#book
    // When it cannot be read, the next call tries again: the operator may have mended the file.
    book.accounts ??= this.#load().catch((error: unknown) => {
      book.accounts = undefined
      throw error
    })
    return book.accounts
  }

  async #load(): Promise<Accounts> {
    const saved = await this.#book.memory?.load()
    if (saved === undefined || saved === null) return {}
    const read = recordSchema.safeParse(saved)
    if (read.success) return read.data.accounts
    // Earlier versions recorded no account.
    const note = noteSchema.safeParse(saved)
    if (note.success) return { [this.#account]: note.data }
    // Without it, it is unknown what was bought: further purchases could buy twice.
    throw new VendorError('bad_request', 'memory', 'what was written down about earlier purchases cannot be read')
  }

  /** Resolves when the state would survive a crash. */
  async write(note: Note): Promise<void> {
    const accounts = { ...(await this.#accounts()), [this.#account]: note }
    await this.#book.memory?.save({ version: 2, accounts })
    this.#book.accounts = Promise.resolve(accounts)
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
