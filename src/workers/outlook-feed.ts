/** What may come from the providers, for the workers: their clients wait for it, or are refused at once. */
import { isSame } from '../same.ts'
import { writeOutlook } from '../supply/plain-outlook.ts'
import type { Supply } from '../supply/supply.ts'
import type { ControlSocket } from './control-socket.ts'
import type { ToWorker } from './messages.ts'

export class OutlookFeed {
  readonly #supply: Supply
  readonly #socket: Pick<ControlSocket, 'send' | 'sendAll'>
  #message: ToWorker = { kind: 'outlooks', outlooks: {} }

  constructor(supply: Supply, socket: Pick<ControlSocket, 'send' | 'sendAll'>) {
    this.#supply = supply
    this.#socket = socket
  }

  equip(worker: number): void {
    this.#socket.send(worker, this.#message)
  }

  /** It may have changed. */
  review(): void {
    const { purchaseOutlooks } = this.#supply.planner
    const outlooks = Object.fromEntries([...purchaseOutlooks].map(([name, error]) => [name, writeOutlook(error)]))
    const message: ToWorker = { kind: 'outlooks', outlooks }
    if (isSame(message, this.#message)) return
    this.#message = message
    this.#socket.sendAll(message)
  }
}
