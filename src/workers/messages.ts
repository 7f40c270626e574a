/**
 * Messages between the control process and the workers of one gateway, over two connections of a Unix socket (link.ts), one JSON
 * object a line. Both are of one version and trust each other: the socket lies in a folder that only this user may enter. Instants are
 * relative to the sending (`...AgoMs`, `...LeftMs`), because each process has a clock of its own.
 *
 *   supervisor ──starts──▶ control ◀── socket ──▶ worker 0 … N-1 ◀──starts── supervisor
 */
import type { Address } from '../address.ts'
import type { UserLimitSettings } from '../downstream/proxy-auth.ts'
import type { CarriedUpstream } from '../pool/former-process.ts'
import type { Breakage, GoneReason, UpstreamFacts } from '../pool/upstream.ts'
import type { TryResult } from '../proxy/connection-log.ts'
import type { WaitingDemand } from '../proxy/lease-contract.ts'
import type { RelayEnd } from '../proxy/relay.ts'
import type { CarriedSession } from '../proxy/session-table.ts'
import type { ProviderOutlook } from '../supply/plain-outlook.ts'
import type { DemandReport } from '../supply/planner-role.ts'
import type { Delivery } from '../takeover/messages.ts'
import type { TakeoverStage } from '../takeover/serving-deadline.ts'
import type { SocketMessage, SocketsEnd } from './passing.ts'

/** `UpstreamFacts` with instants as what is left. An endless deadline is absent. */
export interface PlainUpstream extends Omit<UpstreamFacts, 'password' | 'deadline' | 'boughtAt'> {
  readonly password?: string
  readonly boughtAgoMs: number
  readonly leftMs?: number
}

/** An upstream on its way from one owner to the next, and the sessions that live on it. */
export interface MovingUpstream extends CarriedUpstream {
  /** One of the sessions has it alone. */
  readonly isExclusive: boolean
  readonly sessions: readonly CarriedSession[]
}

/** A session, and the upstream that it lives on. */
export type SessionPlace = readonly [key: string, id: string]

/** Addresses that a user has had within the hour, each with its age. */
type PlainAddresses = readonly (readonly [id: string, agoMs: number])[]

/** From the control process to a worker. */
export type ToWorker =
  /**
   * Settings, to be prepared (ports are opened) and answered with `prepared`; then one of the two that follow. `sockets`: so many
   * listen already, and come through the supervisor.
   */
  | { readonly kind: 'prepare'; readonly number: number; readonly settings: unknown; readonly sockets: number }
  | { readonly kind: 'commit'; readonly number: number }
  | { readonly kind: 'cancel'; readonly number: number }
  /** The gateway listens there too: no client may be led to it. */
  | { readonly kind: 'own-port'; readonly host: string; readonly port: number }
  | { readonly kind: 'upstreams'; readonly upstreams: readonly PlainUpstream[] }
  /** All of them have been sent: what else a worker holds has left the pool. */
  | { readonly kind: 'all-upstreams'; readonly ids: readonly string[] }
  | { readonly kind: 'gone'; readonly id: string; readonly reason: GoneReason }
  | Shared
  /** Lend it from now on. */
  | { readonly kind: 'own'; readonly upstream: MovingUpstream }
  /** Give up this one, or so many, idle ones first; answered with `disowned` for each. `onlyIdle`: what is in use stays. */
  | { readonly kind: 'disown'; readonly id: string }
  | {
      readonly kind: 'give'
      readonly count: number
      readonly providers?: readonly string[]
      readonly onlyIdle?: true
    }
  | { readonly kind: 'ended'; readonly id: string }
  /** From now on each upstream belongs to one worker, whatever the settings say. */
  | { readonly kind: 'each-owned' }
  /** To the owner, from another control process: so many leases run in other workers. */
  | { readonly kind: 'elsewhere'; readonly id: string; readonly leases: number }
  /** Where a session lives, and its former upstreams. */
  | { readonly kind: 'found'; readonly question: number; readonly id?: string; readonly left?: readonly string[] }
  | { readonly kind: 'session'; readonly key: string; readonly id: string }
  | { readonly kind: 'rotate'; readonly key: string }
  /** To be answered with `acknowledged`, when everything before it has taken effect. `asker`: a worker, or -1 for the control process. */
  | { readonly kind: 'acknowledge'; readonly asker: number; readonly question: number }
  /** To the worker that asked: so many others are asked; then the answer of each. */
  | { readonly kind: 'acknowledging'; readonly question: number; readonly workers: number }
  | { readonly kind: 'acknowledged'; readonly question: number }
  /** By order of an operator: a connection, by its number in the worker. */
  | { readonly kind: 'close'; readonly id: number }
  | {
      readonly kind: 'user-answer'
      readonly connection: number
      /** Why the user may not make the request. */
      readonly refusal?: { readonly message: string; readonly retryAfterMs: number }
      /** The user may have no others. */
      readonly addresses?: PlainAddresses
    }
  | { readonly kind: 'outlooks'; readonly outlooks: Readonly<Record<string, ProviderOutlook>> }
  /** Another process is to have the sockets of the ports: they are sent through the supervisor (passing.ts). */
  | { readonly kind: 'share-sockets'; readonly round: number }
  /** Another process takes over: serve those who are connected and lend nothing any more; answered with `paused`. */
  | { readonly kind: 'pause' }
  /** It does not come to serve: continue, with sockets that come through the supervisor. */
  | { readonly kind: 'resume'; readonly sockets: number }
  /** Accept no client any more; answered with `drained` when no client is served. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'end' }

/** What one process has seen of an upstream and all others should know. */
type Shared =
  | { readonly kind: 'rest'; readonly id: string; readonly leftMs: number }
  | { readonly kind: 'ban'; readonly id: string; readonly target: string; readonly leftMs: number }

/** From a worker to the control process. */
export type ToControl =
  | Hello
  | { readonly kind: 'prepared'; readonly number: number; readonly addresses: readonly Address[] }
  | { readonly kind: 'unprepared'; readonly number: number; readonly error: PlainError }
  | Shared
  | { readonly kind: 'gone'; readonly id: string; readonly reason: GoneReason }
  | { readonly kind: 'first-use'; readonly id: string; readonly worked: boolean; readonly cause?: Breakage | 'login' }
  | { readonly kind: 'line'; readonly provider: string; readonly broken?: number }
  | { readonly kind: 'waiting'; readonly waiting: readonly PlainWaiting[] }
  | Report
  /** A use of an upstream with a limit is lent: sent before the client has it. */
  | { readonly kind: 'loads'; readonly loads: readonly Load[] }
  | { readonly kind: 'wanted'; readonly id: string }
  | { readonly kind: 'disowned'; readonly upstream: MovingUpstream }
  /** A client needs an upstream, or counts on it, alone: answered to all workers. */
  | { readonly kind: 'each-owned' }
  | { readonly kind: 'ended'; readonly id: string }
  | { readonly kind: 'find'; readonly question: number; readonly key: string }
  | { readonly kind: 'session'; readonly key: string; readonly id: string }
  | { readonly kind: 'sessions-used'; readonly keys: readonly string[] }
  /** All other workers are to acknowledge what this one has sent before. */
  | { readonly kind: 'acknowledge'; readonly question: number }
  | { readonly kind: 'acknowledged'; readonly asker: number; readonly question: number }
  /** A request of a user with limits, on this connection of the worker: answered with `user-answer`. */
  | {
      readonly kind: 'user-request'
      readonly connection: number
      readonly user: string
      readonly limits: UserLimitSettings
    }
  | { readonly kind: 'user-left'; readonly connection: number }
  | { readonly kind: 'user-lent'; readonly user: string; readonly id: string }
  | { readonly kind: 'log'; readonly lines: readonly string[] }
  /** What is known of its own upstreams. */
  | { readonly kind: 'paused'; readonly upstreams: readonly CarriedUpstream[] }
  | { readonly kind: 'drained' }

/** The first message of a worker, on the socket that it listens to. */
export interface Listens {
  readonly kind: 'listens'
  readonly worker: number
}

/** The answer: the worker may open the socket that it sends on. */
export interface Connected {
  readonly kind: 'connected'
}

/** The first message on the socket that a worker sends on. */
export interface Hello {
  readonly kind: 'hello'
  readonly worker: number
  /** Where it listens already, in the order of the configuration. */
  readonly addresses: readonly Address[]
  /** It was told that each upstream belongs to one worker. */
  readonly isEachOwned: boolean
  /** All that it knows; of the leases those that run in it. */
  readonly upstreams: readonly (CarriedUpstream & { readonly isOwned: boolean })[]
  readonly sessions: readonly SessionPlace[]
  /** Those of them that were put there while there was no control process. */
  readonly moved: readonly SessionPlace[]
  /** Connections of users with limits. */
  readonly users: readonly (readonly [connection: number, user: string])[]
}

export type PlainWaiting = DemandReport['waiting'][number] & Pick<WaitingDemand, 'count' | 'limited'>

/** What runs through an upstream in one worker. */
export interface Load {
  readonly id: string
  readonly leases: number
  readonly quietLeases: number
  /** Tunnels opened since the load was sent last. */
  readonly opened: number
  readonly latencyMs: number
  /** Of its owner alone: all uses, those included that a lease may still spend. */
  readonly uses?: number
  /** Of its owner alone: one session has it. */
  readonly isExclusive?: true
}

/** Ten times a second, while anything has changed. */
export interface Report {
  readonly kind: 'report'
  readonly gauges: { readonly connections: number; readonly tunnels: number; readonly waiting: number }
  /** Name of a counter -> what has been added. */
  readonly counters: Readonly<Record<string, number>>
  /** Absent: as it was reported last. */
  readonly asked?: DemandReport['groups']
  readonly loads: readonly Load[]
  readonly connections: ConnectionChanges
  /** Octets of users with limits that have been moved. */
  readonly octets: readonly (readonly [user: string, octets: number])[]
}

export interface ConnectionChanges {
  /** Open ones that are new, or that have got their tunnel. */
  readonly open: readonly PlainConnection[]
  /** Octets so far of open ones. */
  readonly moved: readonly (readonly [id: number, fromClient: number, toClient: number])[]
  /** Oldest first. */
  readonly closed: readonly PlainConnection[]
  /** Closed ones that were too many to send. */
  readonly omitted: number
}

/** An upstream by its id, or the target itself. */
export type UpstreamName = string | { readonly host: string; readonly port: number }

export interface PlainConnection {
  /** The worker's own number. */
  readonly id: number
  readonly protocol: 'connect' | 'socks5' | 'socks4' | 'http'
  readonly client?: string
  readonly account?: string
  readonly sessionKey?: string
  readonly sessionName?: string
  readonly target: string
  readonly beganAgoMs: number
  readonly tryBeganAgoMs: number
  /** Absent: it has no tunnel and no answer yet. */
  readonly openedAgoMs?: number
  readonly endedAgoMs?: number
  readonly servedBy?: UpstreamName
  readonly tries?: readonly PlainTry[]
  readonly end?: RelayEnd | 'client-gone' | 'refused'
  readonly code?: string
  readonly bytesFromClient: number
  readonly bytesToClient: number
}

export interface PlainTry {
  readonly upstream: UpstreamName
  readonly beganAgoMs: number
  readonly endedAgoMs: number
  readonly result: TryResult
  readonly answer?: number
}

/** A failure of the system at opening a port, or a sentence for a person. */
export interface PlainError {
  readonly message: string
  readonly code?: string
  readonly address?: string
  readonly port?: number
}

/** From the supervisor to the control process, over the channel of `child_process`. */
export type FromSupervisor =
  | { readonly kind: 'worker-exited'; readonly worker: number }
  | SocketMessage
  | SocketsEnd
  /** To a process that takes over: a socket of the running gateway, and their end. */
  | Delivery
  | { readonly kind: 'ports-end' }

/** And back. */
export type ToSupervisor =
  /** The socket is open: workers may come. */
  | { readonly kind: 'start-workers' }
  /** It hangs. */
  | { readonly kind: 'end-worker'; readonly worker: number }
  /** What ends from now on is to end. */
  | { readonly kind: 'stopping' }
  /** Another process takes over: when this one ends the gateway ends, and no worker is started. Then it continues after all. */
  | { readonly kind: 'handing-over' }
  | { readonly kind: 'continuing' }
  /** To a worker. */
  | SocketMessage
  /** This process takes over: how far it is. */
  | { readonly kind: 'takeover'; readonly stage: TakeoverStage }
