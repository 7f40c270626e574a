/** What must not be forgotten of purchases between an order and its end: it survives a restart. */
import { z } from 'zod'
import type { SourceMemory } from '../client/http.ts'
import { VendorError } from '../contract/error.ts'

const attemptSchema = z.object({
  operation: z.enum(['instance/open', 'instance/renew']).default('instance/open'),
  appOrderNo: z.string(),
  reqId: z.string(),
  /** The lines of the order, as JSON. */
  params: z.string(),
  count: z.number(),
  /** When it left, ms since the epoch. */
  leftAt: z.number().default(0),
})
const noteSchema = z.object({
  version: z.literal(1),
  /** An order that got no verdict so far. */
  attempt: attemptSchema.optional(),
  /** ipipv's numbers of orders that were taken and have not come to their end. */
  pending: z.array(z.string()),
  /** How many instances those orders are for. */
  pendingCount: z.number().default(0),
  /** Instances that were bought here and may still live. */
  instances: z.array(z.string()),
  /** What one instance cost when an order was more expensive than allowed. */
  overpaid: z.number().optional(),
})
export type Note = z.infer<typeof noteSchema>
export type Attempt = z.infer<typeof attemptSchema>

export class PurchaseNotes {
  readonly #memory: SourceMemory | undefined
  #note: Promise<Note> | undefined

  constructor(memory: SourceMemory | undefined) {
    this.#memory = memory
  }

  /** @throws {VendorError} class bad_request when what was written down cannot be read */
  read(): Promise<Note> {
    this.#note ??= this.#load()
    return this.#note
  }

  async #load(): Promise<Note> {
    const saved = await this.#memory?.load()
    if (saved === undefined || saved === null) return { version: 1, pending: [], pendingCount: 0, instances: [] }
    const read = noteSchema.safeParse(saved)
    if (read.success) return read.data
    // Without it nobody knows what was bought: buying on could buy twice.
    throw new VendorError('bad_request', 'memory', 'what was written down about earlier purchases cannot be read')
  }

  /** Resolves when it would survive a crash. */
  async write(note: Note): Promise<void> {
    await this.#memory?.save(note)
    this.#note = Promise.resolve(note)
  }

  /** Nothing was bought by it. */
  async forgetAttempt(): Promise<void> {
    const { attempt: _, ...rest } = await this.read()
    await this.write(rest)
  }

  /** Instances that are over for good need not be asked about again. */
  async forgetInstances(numbers: readonly string[]): Promise<void> {
    const note = await this.read()
    const instances = note.instances.filter((number) => !numbers.includes(number))
    if (instances.length < note.instances.length) await this.write({ ...note, instances })
  }
}
