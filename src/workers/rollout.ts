/**
 * One configuration in all workers: each prepares it (opens ports), then all take it up, or none does. The numbers of ports are
 * chosen here, so that all workers listen on the same ones.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Address } from '../address.ts'
import { hasLimits } from '../config/pool-limits.ts'
import type { Config } from '../config/schema.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import { isSame } from '../same.ts'
import type { PlainError, ToWorker } from './messages.ts'
import { writeSettings } from './settings-wire.ts'

interface RolloutDeps {
  readonly count: number
  readonly send: (worker: number, message: ToWorker) => void
}

interface Preparation {
  /** Workers that have not answered. */
  readonly missing: Set<number>
  resolve(): void
  reject(error: Error): void
}

/** What a worker is set to. */
interface Given {
  config: Config
  /** False: it has not answered yet. */
  isServing: boolean
}

/** Settings that a worker gets when it comes, in place of a number of their own. */
const FIRST = 0

export class Rollout {
  readonly #deps: RolloutDeps
  readonly #preparing = new Map<number, Preparation>()
  readonly #given = new Map<number, Given>()
  #numbers = FIRST
  #config: Config | undefined
  #ports: readonly number[] = []
  /** They keep other programs off ports that the system has chosen, until workers listen there. */
  readonly #held: Server[] = []

  constructor(deps: RolloutDeps) {
    this.#deps = deps
  }

  /** Where clients connect. */
  get addresses(): readonly Address[] {
    return (this.#config?.listen ?? []).map(({ host }, index) => ({ host, port: this.#ports[index] ?? 0 }))
  }

  /**
   * The first configuration.
   * @param isOpen workers listen already @param inherited sockets that listen already
   * @throws the system's error when a port cannot be opened
   */
  async begin(config: Config, isOpen: boolean, inherited: InheritedSockets | undefined): Promise<void> {
    this.#ports = isOpen ? config.listen.map(({ port }) => port) : await this.#choosePorts(config, inherited)
    this.#config = config
  }

  /** The address in the configuration of one where clients connect. */
  placeOf(address: Address): Address {
    const index = this.addresses.findIndex((open) => isSame(open, address))
    const { host, port } = this.#config?.listen[index] ?? address
    return { host, port }
  }

  /** A worker has come that listens already: where the configuration says 0, the system has chosen before. */
  learnPorts(addresses: readonly Address[]): void {
    if (addresses.length !== this.#ports.length) return
    this.#ports = this.#ports.map((port, index) => (port === 0 ? (addresses[index]?.port ?? 0) : port))
  }

  /** Gives the configuration in force to a worker that has come. @param sockets so many of its ports come to it */
  equip(worker: number, sockets: number): void {
    if (this.#config === undefined) return
    this.#given.set(worker, { config: this.#config, isServing: false })
    this.#sendSettings(worker, FIRST, this.#config, this.#ports, sockets)
  }

  /** A worker that came while other settings were prepared has the ones before. */
  #bringUpToDate(worker: number): void {
    const given = this.#given.get(worker)
    if (given?.isServing === true && given.config !== this.#config) this.equip(worker, 0)
  }

  /** Resolves when all workers that there are to be have come and have opened their ports. @throws as `begin` */
  async allServe(workers: readonly number[]): Promise<void> {
    try {
      await this.#answers(FIRST, workers)
    } finally {
      this.#release()
    }
  }

  /** Opens the ports that are new. @param serving workers that serve @throws the system's error when a port cannot be opened */
  async prepare(config: Config, serving: readonly number[]): Promise<{ commit(): void; cancel(): void }> {
    const ports = await this.#choosePorts(config)
    // A worker prepares one configuration at a time: one that is brought up to date gets this one afterwards.
    const workers = serving.filter((worker) => this.#given.get(worker)?.isServing !== false)
    const number = ++this.#numbers
    const answers = this.#answers(number, workers)
    const preparing = workers.map((worker) => this.#given.get(worker))
    const tell = (kind: 'commit' | 'cancel') => {
      for (const worker of workers) this.#deps.send(worker, { kind, number })
    }
    for (const worker of workers) this.#sendSettings(worker, number, config, ports)
    try {
      await answers
    } catch (error) {
      tell('cancel')
      throw error
    } finally {
      this.#release()
    }
    return {
      cancel: () => tell('cancel'),
      commit: () => {
        this.#config = config
        this.#ports = ports
        tell('commit')
        for (const given of preparing) if (given !== undefined) given.config = config
        for (const worker of this.#given.keys()) this.#bringUpToDate(worker)
      },
    }
  }

  #sendSettings(worker: number, number: number, config: Config, ports: readonly number[], sockets = 0): void {
    const share = { worker, workers: this.#deps.count }
    const settings = writeSettings(config, hasLimits(config), ports, share)
    this.#deps.send(worker, { kind: 'prepare', number, settings, sockets })
  }

  #answers(number: number, workers: readonly number[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (workers.length === 0) resolve()
    else this.#preparing.set(number, { missing: new Set(workers), resolve, reject })
    return promise
  }

  /** @returns whether it is a worker that has come: it serves now */
  prepared(worker: number, number: number): boolean {
    this.#answered(worker, number)
    if (number !== FIRST) return false
    this.#deps.send(worker, { kind: 'commit', number })
    const given = this.#given.get(worker)
    if (given !== undefined) given.isServing = true
    this.#bringUpToDate(worker)
    return true
  }

  #answered(worker: number, number: number): void {
    const preparing = this.#preparing.get(number)
    preparing?.missing.delete(worker)
    if (preparing?.missing.size !== 0) return
    this.#preparing.delete(number)
    preparing.resolve()
  }

  /** @returns whether it is a process that has come after the others: it has no ports. The desk lives in this process */
  failed(worker: number, number: number, { message, ...facts }: PlainError): boolean {
    const preparing = this.#preparing.get(number)
    this.#preparing.delete(number)
    preparing?.reject(Object.assign(new Error(message), facts))
    return preparing === undefined && number === FIRST && worker < this.#deps.count
  }

  /** The process of a worker has ended: another one begins with the configuration in force. */
  left(worker: number): void {
    this.#given.delete(worker)
    for (const number of [...this.#preparing.keys()]) if (number !== FIRST) this.#answered(worker, number)
  }

  async #choosePorts({ listen }: Config, inherited?: InheritedSockets): Promise<number[]> {
    const ports: number[] = []
    const former = this.#config?.listen ?? []
    const kept = new Set<number>()
    for (const { host, port } of listen) {
      // Several ports may have the number 0.
      const known = former.findIndex((one, index) => one.host === host && one.port === port && !kept.has(index))
      kept.add(known)
      const open = known >= 0 ? this.#ports[known] : inherited?.portAt({ host, port })
      // A worker can open the number beside its own port at another address.
      const isOurs = this.#ports.includes(port)
      ports.push(open ?? (isOurs ? port : await this.#freePort({ host, port })))
    }
    return ports
  }

  /**
   * Workers can share a port that another program has opened for sharing: so it is opened exclusively first.
   * @returns the number of the port; with port 0 a free one
   * @throws the system's error when another program has it
   */
  async #freePort(address: Address): Promise<number> {
    const server = await listen(address, false)
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    if (address.port === 0) this.#held.push(await listen({ host: address.host, port }, true))
    return port
  }

  #release(): void {
    for (const server of this.#held.splice(0)) server.close()
  }
}

async function listen({ host, port }: Address, reusePort: boolean): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen({ host, port, reusePort })
  await once(server, 'listening')
  return server
}
