/** What the admin port answers; docs/admin.md is its manual. */

import type { RequestListener } from 'node:http'
import { isIP } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { z } from 'zod'
import { isHostName } from '../address.ts'
import type { Clock } from '../clock.ts'
import { duration } from '../config/fields.ts'
import type { Log } from '../log.ts'
import type { Secret } from '../secret.ts'
import { readBody } from './body.ts'
import { answerCall, handCall, trialTarget } from './calls.ts'
import { metricsPage } from './metrics.ts'
import { problem } from './problem.ts'
import { isToken } from './token.ts'
import type { AdminView, ProviderReport } from './view.ts'

export interface RouteParts {
  readonly view: AdminView
  readonly clock: Clock
  /** When the gateway began to listen here, clock ms. */
  readonly startedAt: number
  readonly log: Log
  /** Without one, nothing can be changed through this port. */
  readonly token: Secret | undefined
  /** Whether a `Host` header means this server. */
  readonly isOwnHost: (header: string | undefined, localPort: number | undefined) => boolean
}

type Env = { Bindings: HttpBindings }

const DAY_MS = 86_400_000

const banReport = z.strictObject({
  host: z
    .string()
    .transform((host) => host.toLowerCase())
    .refine((host) => isIP(host) !== 0 || isHostName(host), { error: 'write a host, as in www.example.com' }),
  rest: duration({ min: 1, max: DAY_MS }).prefault('10m'),
})

/** @param host where the port listens: names a request without a Host */
export function adminListener(parts: RouteParts, host: string): RequestListener {
  return getRequestListener(adminRoutes(parts).fetch, {
    hostname: host.includes(':') ? `[${host}]` : host,
    // A global Request must not change under everybody's feet.
    overrideGlobalObjects: false,
    errorHandler: () => problem('ADMIN_BAD_REQUEST', 'the request names no host or path that could be read'),
  })
}

function adminRoutes(parts: RouteParts): Hono<Env> {
  const app = new Hono<Env>()
  app.use(ownHostOnly(parts))
  app.use(methodNotAllowed({ app, onMethodNotAllowed: (_, methods) => refuseMethod(methods) }))
  app.notFound((c) => problem('ADMIN_NOT_FOUND', `there is nothing at ${c.req.path}`))
  app.onError((error) => {
    parts.log.error({ err: error }, 'an admin request failed')
    return problem('ADMIN_INTERNAL', 'the request failed inside the gateway; its log says more')
  })
  addReading(app, parts)
  addChanging(app, parts)
  return app
}

function addReading(app: Hono<Env>, { view, clock, startedAt }: RouteParts): void {
  const metrics = metricsPage(view)
  app.get('/healthz', (c) => c.json({ alive: true, upSeconds: Math.round((clock.now() - startedAt) / 1_000) }))
  app.get('/readyz', (c) => {
    const { ready, reasons } = view.readiness()
    return ready
      ? c.json({ ready, reasons })
      : problem('ADMIN_NOT_READY', reasons.join('; '), { members: { ready, reasons } })
  })
  app.get('/metrics', async (c) => c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }))
  app.get('/v1/pool', (c) => c.json({ ...view.gauges(), upstreams: view.upstreams() }))
  app.get('/v1/providers', (c) => c.json({ providers: view.providers() }))
}

/** Every route that changes something is made here, behind the token. */
function addChanging(app: Hono<Env>, parts: RouteParts): void {
  const { view } = parts
  const withToken = demandToken(parts)
  app.post('/v1/upstreams/:id/report', withToken, async (c) => {
    const body = await readBody(c.req.raw, banReport)
    if (body instanceof Response) return body
    const { host, rest } = body
    const id = c.req.param('id')
    if (view.reportBan(id, host, rest)) return c.json({ id, host, restSeconds: rest / 1_000 })
    return problem('ADMIN_UNKNOWN_UPSTREAM', 'no upstream in the pool has this id; it may have left')
  })
  app.post('/v1/providers/:name/refill', withToken, (c) => {
    const name = c.req.param('name')
    const answer = view.refill(name)
    if (answer === 'ordered') return c.json({ name, ordered: true }, 202)
    if (answer === 'unknown') return problem('ADMIN_UNKNOWN_PROVIDER', 'no provider has this name')
    return notNow(view.providers().find((provider) => provider.name === name))
  })
  app.post('/v1/providers/:name/call', withToken, async (c) => {
    const body = await readBody(c.req.raw, handCall)
    if (body instanceof Response) return body
    const order = { provider: c.req.param('name'), ...body }
    const { signal } = c.req.raw
    return answerCall(() => view.call(order, signal), signal)
  })
  app.post('/v1/test-source', withToken, async (c) => {
    const body = await readBody(c.req.raw, trialTarget)
    if (body instanceof Response) return body
    const { signal } = c.req.raw
    return answerCall(() => view.trial(body, signal), signal)
  })
}

function notNow(provider: ProviderReport | undefined): Response {
  const { reason = null, budgetReached = null, nextAttemptInSeconds } = provider ?? {}
  const budget = budgetReached === null ? null : `its budget ${budgetReached} is used up`
  const headers = nextAttemptInSeconds ? { 'Retry-After': String(Math.ceil(nextAttemptInSeconds)) } : {}
  return problem('ADMIN_NOT_NOW', reason ?? budget ?? 'it has, or has ordered, as many addresses as it may', {
    headers,
  })
}

function ownHostOnly({ isOwnHost }: RouteParts): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { headers, url, socket } = c.env.incoming
    if (url?.startsWith('/') && isOwnHost(headers.host, socket.localPort)) {
      await next()
      return c.res.headers.set('Cache-Control', 'no-store')
    }
    const detail = 'this is the admin port: ask for localhost, its own address or its configured host, with its port'
    return problem('ADMIN_WRONG_HOST', detail)
  }
}

function refuseMethod(methods: readonly string[]): Response {
  const allow = methods.join(', ')
  return problem('ADMIN_METHOD', `only ${allow} is possible here`, { headers: { Allow: allow } })
}

function demandToken({ token, log }: RouteParts): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (token === undefined) {
      const detail =
        'nothing can be changed here: configure admin.token, or a state folder in which a token can be kept'
      return problem('ADMIN_TOKEN_UNSET', detail)
    }
    const given = /^bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (given === undefined) {
      const headers = { 'WWW-Authenticate': 'Bearer realm="turnpike"' }
      return problem('ADMIN_TOKEN_REQUIRED', 'send "Authorization: Bearer TOKEN" with this request', { headers })
    }
    if (isToken(given, token)) return next()
    log.warn({ client: c.env.incoming.socket.remoteAddress }, 'an admin request with a wrong token')
    const headers = { 'WWW-Authenticate': 'Bearer realm="turnpike", error="invalid_token"' }
    return problem('ADMIN_TOKEN_WRONG', 'this is not the token of this gateway', { headers })
  }
}
