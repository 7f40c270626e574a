/** Reads the state of instances: in calls of up to a hundred, also when ipipv does not know some of them. */
import type { Clock } from '../../clock.ts'
import type { Table } from '../client/contract.ts'
import type { VendorReply } from '../client/http.ts'
import { VendorError } from '../contract/error.ts'
import type { CallOrder } from '../contract/source.ts'
import { type Instance, type InstanceSettings, readInstances, untold } from './instances.ts'
import type { PurchaseNotes } from './purchase-notes.ts'

/** The document states no maximum for one call. */
const MAX_ASKED = 100
const MISSING = '10041'

export interface InstancesReply {
  readonly instances: readonly Instance[]
  readonly rejected: readonly string[]
  /** The first one; undefined when no call was made. */
  readonly reply: VendorReply | undefined
}

export class InstanceReader {
  readonly #settings: InstanceSettings
  readonly #table: Table
  readonly #clock: Clock
  /** Instances that have ended finally are removed there. */
  readonly #notes: PurchaseNotes

  constructor(settings: InstanceSettings, table: Table, clock: Clock, notes: PurchaseNotes) {
    this.#settings = settings
    this.#table = table
    this.#clock = clock
    this.#notes = notes
  }

  async describe(numbers: readonly string[], order: CallOrder): Promise<InstancesReply> {
    const parts: InstancesReply[] = []
    for (let at = 0; at < numbers.length; at += MAX_ASKED)
      parts.push(await this.#ask(numbers.slice(at, at + MAX_ASKED), order))
    const reply = merge(parts)
    await this.#notes.forgetInstances(reply.instances.flatMap(({ isOver, instanceNo }) => (isOver ? instanceNo : [])))
    return reply
  }

  /** One unknown instance makes the whole call fail: then the halves are requested. */
  async #ask(numbers: readonly string[], order: CallOrder): Promise<InstancesReply> {
    try {
      const { data, reply } = await this.#table.call('instance', { instances: numbers.join(',') }, order)
      const wallMs = reply.vendorWallMs ?? this.#clock.wall() - (this.#clock.now() - reply.sentAt)
      const told = readInstances(data, this.#settings, wallMs)
      const isTold = new Set(told.map(({ instanceNo }) => instanceNo))
      const missing = numbers.filter((number) => !isTold.has(number)).map(untold)
      return { instances: [...told, ...missing], rejected: [], reply }
    } catch (error) {
      if (!(error instanceof VendorError) || error.vendorCode !== MISSING) throw error
      const [only = ''] = numbers
      if (numbers.length === 1) {
        await this.#notes.forgetInstances(numbers)
        return { instances: [], rejected: [`instance ${only} does not exist`], reply: undefined }
      }
      const half = Math.ceil(numbers.length / 2)
      return merge([await this.#ask(numbers.slice(0, half), order), await this.#ask(numbers.slice(half), order)])
    }
  }
}

function merge(parts: readonly InstancesReply[]): InstancesReply {
  return {
    instances: parts.flatMap(({ instances }) => instances),
    rejected: parts.flatMap(({ rejected }) => rejected),
    reply: parts.find(({ reply }) => reply !== undefined)?.reply,
  }
}
