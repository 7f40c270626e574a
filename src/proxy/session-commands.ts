/**
 * `http://turnpike.internal/`: a host that exists only inside the gateway, where clients query and control their own session,
 * with their login at the port.
 *
 *   GET /session             the address of the session
 *   POST /session/rotate     moves the session to another one
 *   POST /session/ban?host=  makes the address rest for that host, for every client, and moves the session
 *
 * Web pages cannot use it: changes require `X-Turnpike: 1`, which a page cannot send across sites without a preflight
 * (https://fetch.spec.whatwg.org/#http-cors-protocol), and every preflight is refused; requests that a browser marks as coming
 * from a page are refused too.
 */
import { hostKey, parseAuthority, type Target, toTarget } from '../address.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { containException, internalFailure } from '../internal-errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Strategy } from '../strategy.ts'
import { type BanRule, isBanFor } from './ban-rule.ts'
import { COMMAND_HOST } from './command-host.ts'
import type { HttpHandler, HttpRequest } from './http-contract.ts'
import type { LeaseRequest } from './lease-contract.ts'
import type { LeaseQueue } from './lease-queue.ts'
import { addressesToAvoid } from './rotation.ts'
import { queueUser, type Route } from './route.ts'
import type { Session, SessionTable } from './session-table.ts'

/** How long a reported address rests for a host without a rule in `bans`: the default of such a rule, ms. */
const DEFAULT_BAN_MS = 600_000

export interface CommandDeps {
  readonly clock: Clock
  readonly pool: Pool
  readonly leaseQueue: LeaseQueue
  readonly sessionTable: SessionTable
  readonly bans: readonly BanRule[]
  /** An answer with an error, for the counters. */
  refused(error: GatewayError): void
}

type CommandName = 'show' | 'rotate' | 'ban'

interface Command {
  readonly name: CommandName
  /** From the query: the target of the session, or of the ban. */
  readonly host: Target | undefined
}

const COMMANDS: Readonly<Record<string, CommandName>> = {
  'GET /session': 'show',
  'POST /session/rotate': 'rotate',
  'POST /session/ban': 'ban',
}

/** @throws {GatewayError} GW_BAD_REQUEST, GW_TARGET_NOT_ALLOWED */
export function readCommand({ head }: HttpRequest): Command {
  if (/^(?:origin|sec-fetch-site):(?!\s*none\s*$)/im.test(head.header.lines))
    throw new GatewayError('GW_TARGET_NOT_ALLOWED', `web pages may not ask ${COMMAND_HOST}`)
  const query = head.path.indexOf('?')
  const path = query === -1 ? head.path : head.path.slice(0, query)
  const name = Object.hasOwn(COMMANDS, `${head.method} ${path}`) ? COMMANDS[`${head.method} ${path}`] : undefined
  if (name === undefined)
    throw badRequest(`${COMMAND_HOST} knows GET /session, POST /session/rotate and POST /session/ban?host=HOST`)
  if (name !== 'show' && !/^x-turnpike:[\t ]*1[\t ]*$/im.test(head.header.lines))
    throw badRequest('a command that changes a session needs the header "X-Turnpike: 1"')
  const host = hostOf(new URLSearchParams(query === -1 ? '' : head.path.slice(query + 1)).get('host'))
  if (name === 'ban' && host === undefined) throw badRequest('name the host, as in POST /session/ban?host=shop.example')
  return { name, host }
}

function hostOf(text: string | null): Target | undefined {
  if (text === null) return undefined
  const address = parseAuthority(text, 443)
  if (address === undefined) throw badRequest('"host" is no host name or IP address')
  return toTarget(address)
}

export class SessionCommand implements HttpHandler, LeaseRequest {
  readonly strategy: Strategy
  readonly filter: Filter
  readonly lifeMs: number
  readonly host: string
  tried: readonly Upstream[] = []
  /** The session's own address must not serve this request, so it is requested without the session. */
  readonly sessionKey = undefined
  readonly permitted: readonly string[] | undefined
  readonly strict = false
  readonly sessionUse = 'move'
  readonly uses = 0
  readonly avoid: readonly Upstream[] = []
  readonly avoidLast = undefined
  readonly lastError = undefined
  readonly #request: HttpRequest
  readonly #user: string | undefined
  readonly #deps: CommandDeps
  readonly #name: CommandName
  #key: string
  readonly #lent: Route['lent']
  /** Clock ms. */
  #beganAt = 0
  /** The session has moved: only the answer is missing. */
  #hasMoved = false
  #isOver = false

  /** @throws {GatewayError} GW_BAD_OPTION when the client has no session */
  constructor(request: HttpRequest, { name, host }: Command, route: Route, deps: CommandDeps) {
    if (route.sessionKey === undefined) {
      const message = 'this client has no session: name one in the user name, as in crawler-session-42'
      throw new GatewayError('GW_BAD_OPTION', message)
    }
    this.#request = request
    this.#deps = deps
    this.#name = name
    this.#key = route.sessionKey
    this.#lent = route.lent
    this.#user = route.user
    this.strategy = route.strategy
    this.filter = route.filter
    this.permitted = route.permitted
    this.lifeMs = route.lifeMs
    this.host = hostKey(host?.host ?? '')
  }

  get user(): string {
    return queueUser(this.#user, this.#request)
  }

  begin(): void {
    this.#beganAt = this.#deps.clock.now()
    this.#deps.leaseQueue.lookUp({ sessionKey: this.#key, permitted: this.permitted }, (key) => {
      this.#key = key
      if (!this.#isOver) this.#run()
    })
  }

  #run(): void {
    const name = this.#name
    const session = this.#deps.sessionTable.find(this.#key)
    if (name === 'show') return void this.#answer(session?.upstream)
    if (name === 'ban' && !this.#ban(session)) return
    const { pool, clock, leaseQueue } = this.#deps
    const now = clock.now()
    if (session !== undefined) this.tried = addressesToAvoid(session, this, pool, now)
    leaseQueue.apply(this, now, this.#beganAt)
  }

  /** @returns false when there was no address to ban */
  #ban(session: Session | undefined): boolean {
    if (session === undefined) {
      this.#refuse(badRequest('this session has no address yet'))
      return false
    }
    const { clock, pool, bans } = this.#deps
    const now = clock.now()
    const restMs = bans.find((ban) => isBanFor(ban, this.host))?.restMs ?? DEFAULT_BAN_MS
    pool.ban(pool.get(session.upstream.id) ?? session.upstream, this.host, now + restMs, now)
    return true
  }

  granted(upstream: Upstream): void {
    this.#lent?.(upstream)
    const { sessionTable, pool, clock, leaseQueue } = this.#deps
    const session = sessionTable.bind(this.#key, upstream)
    // Other clients may use the address before the session does: the use of its next connection is counted now.
    if (!session.counted) {
      session.counted = true
      pool.countUse(upstream)
    }
    // Only the session moves: its next connection gets the lease.
    pool.release(upstream, false, clock.now())
    leaseQueue.sessionMoved(this.#key, upstream)
    this.#hasMoved = true
    // The client may connect to another process as soon as it has the answer.
    leaseQueue.whenMovesAreKnown(() => this.#moved(upstream))
  }

  #moved(upstream: Upstream): void {
    if (this.#isOver) return
    try {
      this.#answer(upstream)
    } catch (error) {
      containException(error, this)
    }
  }

  denied(error: GatewayError): void {
    this.#refuse(error)
  }

  #answer(upstream: Upstream | undefined): void {
    this.#isOver = true
    const session = this.#request.identity.options.session ?? null
    const address = upstream === undefined ? null : report(upstream, this.#deps.clock.now())
    const body = Buffer.from(`${JSON.stringify({ session, address })}\n`)
    this.#request.answer(200, 'OK', LINES, body)
  }

  #refuse(error: GatewayError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deps.leaseQueue.withdraw(this)
    this.#deps.refused(error)
    this.#request.refuse(error)
  }

  clientGone(): void {
    this.#isOver = true
    this.#deps.leaseQueue.withdraw(this)
  }

  /** As for a plain request: as long as it waits for an address, the client is assumed to have left. */
  clientEnded(): void {
    if (!this.#isOver && !this.#hasMoved) this.#request.cut()
  }

  clientDrained(): void {}

  bodyBroken(error: GatewayError): void {
    this.#refuse(error)
  }

  failInternally(): void {
    this.#refuse(internalFailure())
  }
}

/** No page may embed it, and no cache may keep it. */
const LINES = [
  'Content-Type: application/json',
  'Cache-Control: no-store',
  'X-Content-Type-Options: nosniff',
  'Cross-Origin-Resource-Policy: same-origin',
  '',
].join('\r\n')

function report({ id, facts, deadline }: Upstream, now: number): object {
  const { provider, country = null, area = null, city = null, isp = null } = facts
  const isEndless = deadline === Number.POSITIVE_INFINITY
  const lifeSeconds = isEndless ? null : Math.max(0, Math.floor((deadline - now) / 1_000))
  return { id, provider, lifeSeconds, country, area, city, isp }
}

function badRequest(message: string): GatewayError {
  return new GatewayError('GW_BAD_REQUEST', message)
}
