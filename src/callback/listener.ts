/**
 * A port on which a vendor (ipipv: `ipipv-open-api.txt`, 回调) reports changes: one GET route, whose path is the only secret. Such a
 * call has no signature, so its contents are not trusted: it only triggers a query to the vendor.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Address } from '../address.ts'
import { createLimitedServer } from '../admin/limited-server.ts'
import type { Clock } from '../clock.ts'
import { internalErrors } from '../internal-errors.ts'
import { descriptorOf, type InheritedSockets, listenAt } from '../network/inherited-sockets.ts'
import { isSameText, type Secret } from '../secret.ts'

interface CallbackSettings {
  readonly host: string
  readonly port: number
  /** Begins with a slash; never logged, never returned. */
  readonly path: Secret
}

/** A change as the vendor describes it; used only as a reason to query. */
interface CallbackHint {
  readonly type: 'order' | 'instance' | 'product'
  /** The vendor's number of the changed object. */
  readonly no: string
  /** Of an order: 1 new, 2 renewed, 3 released. */
  readonly op: string
}

export interface CallbackListener {
  readonly address: Address
  /** The number of the descriptor of its socket. */
  readonly descriptor: number
  close(): Promise<void>
}

/** The vendor repeats a call until it gets our answer: repetitions within this time are ignored. */
const REPEAT_MS = 5_000
const MAX_REMEMBERED = 1_000
const MAX_CONNECTIONS = 64
const PATIENCE_MS = 10_000
const MAX_HEADER_BYTES = 8_192
const SUCCESS = '{"code":"success","msg":""}'
const TYPES: ReadonlySet<string> = new Set(['order', 'instance', 'product'])

/**
 * @param onHint called once for each change that is reported, before the answer to the vendor
 * @throws the system's error when the port cannot be opened
 */
export async function startCallback(
  settings: CallbackSettings,
  onHint: () => void,
  deps: {
    readonly clock: Clock
    readonly maxConnections?: number
    readonly inherited?: InheritedSockets | undefined
  },
): Promise<CallbackListener> {
  const news = new News(deps.clock)
  const connections = deps.maxConnections ?? MAX_CONNECTIONS
  const server = createLimitedServer(
    { connections, timeoutMs: PATIENCE_MS, headerBytes: MAX_HEADER_BYTES },
    (request, response) => {
      try {
        const hint = hintOf(request, settings.path)
        if (typeof hint === 'number') return answer(response, hint, '')
        if (news.isNew(hint)) onHint()
        answer(response, 200, SUCCESS)
      } catch (error) {
        internalErrors.report(error)
        if (response.headersSent) response.destroy()
        else answer(response, 500, '')
      }
    },
  )
  await listenAt(server, settings, deps.inherited)
  const { address: host, port } = server.address() as AddressInfo
  return {
    address: { host, port },
    descriptor: descriptorOf(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The hint, or the status of a refusal. Without the path a caller learns nothing, not even which methods are allowed. */
function hintOf({ method, url = '/' }: IncomingMessage, path: Secret): CallbackHint | number {
  const [pathname = '', query = ''] = url.split('?', 2)
  if (!isSameText(pathname, path.reveal())) return 404
  if (method !== 'GET') return 405
  const params = new URLSearchParams(query)
  const [type, no, op] = ['type', 'no', 'op'].map((name) => params.get(name) ?? '')
  const isKnown = type !== undefined && TYPES.has(type) && /^[\w.-]{1,64}$/.test(no ?? '') && /^[123]?$/.test(op ?? '')
  return isKnown ? { type: type as CallbackHint['type'], no: no ?? '', op: op ?? '' } : 400
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  response.end(body)
}

/** Recently reported changes. */
class News {
  readonly #clock: Clock
  readonly #told = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isNew({ type, no, op }: CallbackHint): boolean {
    const now = this.#clock.now()
    const key = `${type} ${no} ${op}`
    const before = this.#told.get(key)
    if (before !== undefined && now < before + REPEAT_MS) return false
    this.#told.delete(key)
    this.#told.set(key, now)
    const oldest = this.#told.keys().next()
    if (this.#told.size > MAX_REMEMBERED && oldest.done !== true) this.#told.delete(oldest.value)
    return true
  }
}
