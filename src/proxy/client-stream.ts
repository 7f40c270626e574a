/** A client's request as the log and the operator see it: what serves it, how much it has transferred, how it ends. */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { LinkedList } from '../structures/linked-list.ts'
import { TimeoutEntry } from '../structures/timeout-queue.ts'
import { newTrace } from './connection-log.ts'
import type { RoutedClient } from './other-providers.ts'
import type { Relay, RelayEnd } from './relay.ts'
import type { StreamInfo, StreamObserver } from './stream-observer.ts'

export interface ClientStreamDeps {
  readonly clock: Clock
  /** All open tunnels. */
  readonly relays: LinkedList<Relay>
  readonly observer: StreamObserver
}

/** The client's connection, or its request on it. */
interface StreamClient extends RoutedClient {
  readonly socket: Socket
  /** Of this request, so far. */
  octets(): readonly [up: number, down: number]
  /** The same; they are counted only once. */
  countOctets(): readonly [up: number, down: number]
}

export abstract class ClientStream<Deps extends ClientStreamDeps> extends TimeoutEntry implements StreamInfo {
  readonly target: string
  readonly beganAt: number
  readonly trace = newTrace()
  abstract readonly protocol: StreamInfo['protocol']
  abstract readonly sessionKey: string | undefined
  abstract readonly underWay: StreamInfo['underWay']
  servedBy: Upstream | undefined
  life: StreamInfo['life']
  status: StreamInfo['status']
  protected readonly deps: Deps
  /** The observer knows how it ended. */
  protected finished = false
  protected abstract readonly request: StreamClient

  /** @param target host:port */
  constructor(target: string, deps: Deps) {
    super()
    this.target = target
    this.deps = deps
    this.beganAt = deps.clock.now()
  }

  get clientAddress(): string {
    return this.request.clientAddress
  }

  get account(): string | undefined {
    return this.request.identity.account
  }

  get sessionName(): string | undefined {
    return this.request.identity.options.session
  }

  get bytesFromClient(): number {
    return this.request.octets()[0]
  }

  get bytesToClient(): number {
    return this.request.octets()[1]
  }

  /** Ends a request whose connections are not joined by a relay. */
  protected abstract closeUnjoined(): void

  close(): void {
    const { socket } = this.request
    const relay = this.deps.relays.snapshot().find(({ client }) => client === socket)
    if (relay === undefined) this.closeUnjoined()
    else relay.close()
  }

  /** From here on the relay serves the client. */
  protected addRelay(relay: Relay): Relay {
    this.deps.relays.add(relay)
    return relay
  }

  /** The client has received all it will receive. */
  protected finish(end: RelayEnd, now = this.deps.clock.now()): void {
    if (this.finished) return
    this.finished = true
    this.timeoutQueue?.remove(this)
    const [up, down] = this.request.countOctets()
    this.deps.observer.ended(this, end, up, down, now)
  }
}
