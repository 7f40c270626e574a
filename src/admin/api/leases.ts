/** The answers of the lease API: addresses as JSON, as text, and in the format of jhao104/proxy_pool; or why there are none. */
import { formatAuthority, toTarget } from '../../address.ts'
import { type Clock, isoTime } from '../../clock.ts'
import { parseOptions } from '../../downstream/username-options.ts'
import { GatewayError } from '../../errors.ts'
import type { Upstream } from '../../pool/upstream.ts'
import type { AddressAsk, AddressClient, AddressDesk } from '../../proxy/address-requests.ts'
import type { AddressLease } from '../../proxy/lease-batch.ts'
import { bearerOf } from './access.ts'
import type { OperatorLogin } from './operator-login.ts'
import { type ProblemCode, problem } from './problem.ts'
import type { LeaseReport, PoolProxy, TakeQuery, TakeReply } from './schemas/leases.ts'

/** The login of the client in a request. */
interface Sender {
  readonly authorization: string | undefined
  readonly clientAddress: string
}

export interface LeaseParts {
  readonly view: { readonly addressRequests: AddressDesk }
  readonly clock: Clock
  readonly operator: OperatorLogin
  /** Other machines can reach the port. */
  readonly readsNeedToken: boolean
  /** How many may wait at the same time: connections must be left for other requests. */
  readonly maxLeaseRequests: number
}

/** Clients of proxy_pool do not return addresses: each address counts once per client, however often it is requested. */
const POOL_HOLD_MS = 600_000
const ALL = Number.POSITIVE_INFINITY
const NO_PROXY = { code: 0, src: 'no proxy' }

export class LeaseAnswers {
  readonly #parts: LeaseParts
  /** Requests that wait, for an address or for the answer to a wrong login. */
  #held = 0

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  take(sender: Sender, query: TakeQuery, signal: AbortSignal): Promise<Response | TakeReply> {
    return this.#answer(signal, async () => {
      const leases = await this.#lend(sender, askOf(query), signal)
      if (query.format === 'text') return textOf(leases)
      return { count: leases.length, addresses: leases.map((lease) => leaseReport(lease, this.#parts.clock)) }
    })
  }

  release(sender: Sender, lease: string, signal: AbortSignal) {
    return this.#answer(signal, async () => {
      if (this.#parts.view.addressRequests.release(await this.#client(sender, signal), lease))
        return { lease, released: true }
      return problem('ADMIN_UNKNOWN_LEASE', 'this user has no such lease; it may have ended')
    })
  }

  /** @param isAlone no other client gets it meanwhile: `pop` */
  get(sender: Sender, isAlone: boolean, signal: AbortSignal) {
    return this.#answer(signal, async () => {
      const [lease] = await this.#poolLeases(sender, { count: 1, waits: true, isAlone }, signal)
      return lease === undefined ? NO_PROXY : this.#poolProxy(lease.upstream)
    })
  }

  all(sender: Sender, signal: AbortSignal) {
    return this.#answer(signal, async () => {
      const leases = await this.#poolLeases(sender, { count: ALL, waits: false }, signal)
      return leases.map(({ upstream }) => this.#poolProxy(upstream))
    })
  }

  remove(sender: Sender, proxy: string, signal: AbortSignal) {
    return this.#answer(signal, async () => {
      const address = proxy.slice(proxy.lastIndexOf('@') + 1)
      return {
        code: 0,
        src: this.#parts.view.addressRequests.report(await this.#client(sender, signal), address) ? 1 : 0,
      }
    })
  }

  count(sender: Sender, signal: AbortSignal) {
    return this.#answer(signal, async () => {
      const source: Record<string, number> = {}
      const all = this.#parts.view.addressRequests
        .available(await this.#client(sender, signal))
        .filter(({ facts }) => facts.protocol === 'http')
      for (const { facts } of all) source[facts.provider] = (source[facts.provider] ?? 0) + 1
      return { http_type: all.length === 0 ? {} : { https: all.length }, source, count: all.length }
    })
  }

  /** None, when the client can get none now. */
  async #poolLeases(sender: Sender, ask: Pick<AddressAsk, 'count' | 'waits' | 'isAlone'>, signal: AbortSignal) {
    const whole = { ...ask, holdMs: POOL_HOLD_MS, isHttpOnly: true, isMerged: ask.isAlone !== true }
    try {
      return await this.#lend(sender, whole, signal)
    } catch (error) {
      if (error instanceof GatewayError && problemOf(error) === 'ADMIN_NO_ADDRESS') return []
      throw error
    }
  }

  async #client({ authorization, clientAddress }: Sender, signal: AbortSignal): Promise<AddressClient> {
    const { operator, readsNeedToken } = this.#parts
    const bearer = bearerOf(authorization)
    if (bearer === undefined) return { authorization, clientAddress, isTrusted: !readsNeedToken }
    const isTrusted = await operator.admits(bearer, clientAddress, signal)
    return { authorization: undefined, clientAddress, isTrusted }
  }

  async #answer<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T | Response> {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const { answerAfterMs } = error.detail
      // A wrong login is answered with a delay, as at the ports for clients.
      if (typeof answerAfterMs === 'number' && this.#held < this.#parts.maxLeaseRequests)
        await this.#hold(this.#parts.clock.sleep(answerAfterMs, signal))
      return refusal(error)
    }
  }

  /** @throws {GatewayError} GW_QUEUE_FULL, and as AddressRequests.take */
  #lend(sender: Sender, ask: AddressAsk, signal: AbortSignal) {
    const { maxLeaseRequests, view } = this.#parts
    if (this.#held >= maxLeaseRequests)
      throw new GatewayError(
        'GW_QUEUE_FULL',
        `${maxLeaseRequests} requests for addresses wait at the admin port already`,
      )
    return this.#hold(this.#client(sender, signal).then((client) => view.addressRequests.take(client, ask, signal)))
  }

  /** Counts a request for as long as it waits. */
  async #hold<T>(waiting: Promise<T>): Promise<T> {
    this.#held++
    try {
      return await waiting
    } finally {
      this.#held--
    }
  }

  #poolProxy(upstream: Upstream): PoolProxy {
    const { clock } = this.#parts
    const { provider, country, area, city } = upstream.facts
    const hasWorked = upstream.workedAt !== Number.NEGATIVE_INFINITY
    const at = hasWorked ? isoTime(clock.wall() + upstream.workedAt - clock.now()) : ''
    return {
      proxy: withLogin(upstream),
      https: true,
      fail_count: upstream.consecutiveFailures,
      region: [country, area, city].filter((place) => place !== undefined).join(' '),
      anonymous: '',
      source: provider,
      check_count: upstream.opened,
      last_status: upstream.consecutiveFailures === 0,
      last_time: at.slice(0, 19).replace('T', ' '),
    }
  }
}

/** A lease as programs receive it, with the address's own login. */
export function leaseReport({ id: lease, upstream, endsAt }: AddressLease, clock: Clock): LeaseReport {
  const now = clock.now()
  const { facts, deadline } = upstream
  const { provider, username = null, password, country = null, area = null, city = null, isp = null } = facts
  return {
    ...{ lease, id: upstream.id, provider, protocol: facts.protocol === 'direct' ? 'http' : facts.protocol },
    ...{ address: hostPort(upstream), username, password: password?.reveal() ?? null },
    url: `${facts.protocol}://${withLogin(upstream)}`,
    lentUntil: isoTime(clock.wall() + endsAt - now),
    lifeSeconds: deadline === Number.POSITIVE_INFINITY ? null : Math.max(0, Math.round(deadline - now) / 1_000),
    ...{ country, area, city, isp },
  }
}

/** The options of a query. @throws {GatewayError} GW_BAD_OPTION */
export function askOf({ num, hold, host, format: _format, ...options }: TakeQuery): AddressAsk {
  const target = host === undefined ? undefined : toTarget({ host, port: 443 })
  return { count: num, holdMs: hold, waits: true, target, options: parseOptions(Object.entries(options)) }
}

function textOf(leases: readonly AddressLease[]): Response {
  const lines = leases.map(({ upstream }) => `${withLogin(upstream)}\n`)
  return new Response(lines.join(''), { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
}

function hostPort({ facts }: Upstream): string {
  return formatAuthority(facts.host, facts.port)
}

/** In the form for the URL of a proxy (RFC 3986 section 3.2). */
function withLogin(upstream: Upstream): string {
  const { username, password } = upstream.facts
  if (username === undefined) return hostPort(upstream)
  const login = [username, password?.reveal() ?? ''].map(encodeURIComponent)
  return `${login.join(':')}@${hostPort(upstream)}`
}

function problemOf({ code, spec }: GatewayError): ProblemCode {
  if (code === 'GW_LOGIN_REQUIRED') return 'ADMIN_LOGIN_REQUIRED'
  if (code === 'GW_USER_LIMIT') return 'ADMIN_USER_LIMIT'
  if (spec.http === 403) return 'ADMIN_NOT_ALLOWED'
  return spec.http === 400 ? 'ADMIN_BAD_REQUEST' : 'ADMIN_NO_ADDRESS'
}

function refusal(error: GatewayError): Response {
  const code = problemOf(error)
  const { retryAfterMs } = error.detail
  const isKnown = typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs)
  const seconds = String(Math.max(1, Math.ceil((isKnown ? retryAfterMs : 1_000) / 1_000)))
  const isLater = code === 'ADMIN_NO_ADDRESS' || code === 'ADMIN_USER_LIMIT'
  const headers = {
    ...(isLater ? { 'Retry-After': seconds } : {}),
    ...(code === 'ADMIN_LOGIN_REQUIRED' ? { 'WWW-Authenticate': 'Basic realm="turnpike", charset="UTF-8"' } : {}),
  }
  return problem(code, error.message, { headers, members: { error: error.code } })
}
