/** The handler of each operation: calls the gateway's view and formats its answer. */
import type { z } from 'zod'
import { isoTime } from '../../clock.ts'
import { ConfigError } from '../../errors.ts'
import { toServerSentEvents } from '../events.ts'
import { metricsPage } from '../metrics.ts'
import type { AdminView, ProviderReport } from '../view.ts'
import { LeaseAnswers, type LeaseParts } from './leases.ts'
import { openApiDocument } from './openapi.ts'
import type { OperationId, operations } from './operations.ts'
import { problem } from './problem.ts'
import { answerCall } from './vendor-call.ts'

type Operations = typeof operations

/** A parsed request: every part is valid for the operation's schemas. */
export interface Request<Id extends OperationId> {
  readonly params: Operations[Id] extends { params: infer Params }
    ? { readonly [Name in keyof Params]: string }
    : object
  readonly query: Operations[Id] extends { query: infer Query extends z.ZodType } ? z.output<Query> : undefined
  readonly body: Operations[Id] extends { body: infer Body extends z.ZodType } ? z.output<Body> : undefined
  /** The `Host` header: how the client reaches this port. */
  readonly host: string
  readonly authorization: string | undefined
  readonly clientAddress: string
  /** Aborted when the client hangs up. */
  readonly signal: AbortSignal
}

type DeepReadonly<T> = T extends object ? { readonly [Member in keyof T]: DeepReadonly<T[Member]> } : T

/** The value of the operation's successful reply. */
type Reply<Id extends OperationId> = Operations[Id]['replies'][keyof Operations[Id]['replies']] extends {
  schema: infer Schema extends z.ZodType
}
  ? DeepReadonly<z.output<Schema>>
  : object

/** A value that is not a `Response` is the JSON of the operation's successful reply. */
type Answer<Id extends OperationId> = Response | Reply<Id>

type Handlers = { readonly [Id in OperationId]: (request: Request<Id>) => Answer<Id> | Promise<Answer<Id>> }

export interface HandlerParts extends LeaseParts {
  readonly view: AdminView
  /** When the gateway began to listen here, clock ms. */
  readonly startedAt: number
}

export function handlers(parts: HandlerParts): Handlers {
  return { ...reports(parts), ...changes(parts), ...leases(parts) }
}

function reports(parts: HandlerParts) {
  const { view, clock, startedAt } = parts
  const metrics = metricsPage(view, () => parts.operator.failures)
  return {
    getHealth: () => ({ alive: true, upSeconds: Math.round((clock.now() - startedAt) / 1_000) }),
    getReadiness() {
      const { ready, reasons } = view.readiness()
      return ready
        ? { ready, reasons }
        : problem('ADMIN_NOT_READY', reasons.join('; '), { members: { ready, reasons } })
    },
    getMetrics: async () => new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } }),
    getPac: ({ query: { listen }, host }) => answerPac(view.pac(listen, host)),
    getOpenApi: () => openApiDocument(),
    getPool: () => ({ ...view.gauges(), upstreams: view.upstreams() }),
    getProviders: () => ({ providers: view.providers() }),
    getVerdict: () => view.verdict(),
    getConnections: ({ query }) => view.connections(query),
    getHistory: () => view.history(),
    getEvents({ query: { topics } }) {
      const stream = view.events(topics)
      if (stream === undefined) return problem('ADMIN_BUSY', 'too many pages read the event stream: close some of them')
      const headers = { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }
      return new Response(toServerSentEvents(stream), { headers })
    },
    getGateway: () => ({
      ...view.gateway(),
      startedAt: isoTime(clock.wall() - (clock.now() - startedAt)),
      upSeconds: (clock.now() - startedAt) / 1_000,
      mayChange: parts.operator.isPossible,
      readsNeedToken: parts.readsNeedToken,
    }),
    getConfig: () => view.config(),
    checkConfig: ({ body: { text } }) => view.check(text),
    getSessions: ({ query }) => view.sessions(query),
  } satisfies Partial<Handlers>
}

function changes({ view }: HandlerParts) {
  return {
    closeConnection({ params: { id } }) {
      if (view.closeConnection(Number(id))) return { id: Number(id) }
      return problem('ADMIN_UNKNOWN_CONNECTION', 'no open connection has this number; it may have ended')
    },
    reloadConfig: () => answerReload(view),
    async tryRequest({ body, signal }) {
      return (
        (await view.tryRequest(body, signal)) ??
        problem('ADMIN_BAD_REQUEST', 'listener: the gateway has no port of this number')
      )
    },
    reportBan({ params: { id }, body: { host, rest } }) {
      if (view.reportBan(id, host, rest)) return { id, host, restSeconds: rest / 1_000 }
      return unknownUpstream()
    },
    restUpstream: ({ params: { id }, body: { rest } }) =>
      view.restUpstream(id, rest) ? upstreamReply(view, id) : unknownUpstream(),
    evictUpstream: ({ params: { id } }) =>
      view.evictUpstream(id) ? { id, state: 'gone' as const, restSeconds: 0 } : unknownUpstream(),
    rotateSession: async ({ params: { key } }) =>
      (await view.rotateSession(key)) ??
      problem('ADMIN_UNKNOWN_SESSION', 'there is no such session; it may have ended'),
    pauseProvider: ({ params: { name } }) => (view.pause(name) ? providerReply(view, name) : unknownProvider()),
    resumeProvider: ({ params: { name } }) => (view.resume(name) ? providerReply(view, name) : unknownProvider()),
    refillProvider({ params: { name } }) {
      const answer = view.refill(name)
      if (answer === 'ordered') return { name, ordered: true }
      if (answer === 'unknown') return unknownProvider()
      return notNow(view.providers().find((provider) => provider.name === name))
    },
    retryProvider: ({ params: { name } }) => (view.retry(name) ? { name, retried: true } : unknownProvider()),
    callVendor: ({ params: { name }, body, signal }) =>
      answerCall(() => view.call({ provider: name, ...body }, signal)),
    listAreas: ({ params: { name }, signal }) => answerCall(() => view.areas(name, signal)),
    testSource: ({ body, signal }) => answerCall(() => view.trial(body, signal)),
  } satisfies Partial<Handlers>
}

function leases(parts: HandlerParts) {
  const answers = new LeaseAnswers(parts)
  return {
    takeAddresses: ({ query, signal, ...sender }) => answers.take(sender, query, signal),
    releaseLease: ({ params: { lease }, signal, ...sender }) => answers.release(sender, lease, signal),
    poolGet: ({ signal, ...sender }) => answers.get(sender, false, signal),
    poolPop: ({ signal, ...sender }) => answers.get(sender, true, signal),
    poolAll: ({ signal, ...sender }) => answers.all(sender, signal),
    poolDelete: ({ query: { proxy }, signal, ...sender }) => answers.remove(sender, proxy, signal),
    poolCount: ({ signal, ...sender }) => answers.count(sender, signal),
  } satisfies Partial<Handlers>
}

const NO_PORT =
  'the gateway has no such port for clients, or it listens on loopback and this browser is on another machine'

function answerPac(file: string | undefined): Response {
  if (file === undefined) return problem('ADMIN_NOT_FOUND', NO_PORT)
  return new Response(file, { headers: { 'Content-Type': 'application/x-ns-proxy-autoconfig' } })
}

/** A reload, or why it was refused. */
async function answerReload(view: AdminView) {
  try {
    return await view.reload()
  } catch (error) {
    if (!(error instanceof ConfigError)) return problem('ADMIN_NOT_RELOADED', (error as Error).message)
    const { file } = error
    const problems = error.problems.map(({ path, message, line, column }) => ({
      ...{ path, message, line: line ?? null, column: column ?? null },
    }))
    return problem('ADMIN_CONFIG_INVALID', `${file} has mistakes: nothing was changed`, { members: { file, problems } })
  }
}

const unknownProvider = () => problem('ADMIN_UNKNOWN_PROVIDER', 'no provider has this name')
const unknownUpstream = () => problem('ADMIN_UNKNOWN_UPSTREAM', 'no upstream in the pool has this id; it may have left')

function providerReply(view: AdminView, name: string) {
  const report = view.providers().find((provider) => provider.name === name)
  return report === undefined ? unknownProvider() : { name, state: report.state, reason: report.reason }
}

function upstreamReply(view: AdminView, id: string) {
  const report = view.upstreams().find((upstream) => upstream.id === id)
  return report === undefined ? unknownUpstream() : { id, state: report.state, restSeconds: report.restSeconds }
}

function notNow(provider: ProviderReport | undefined): Response {
  const { reason = null, budgetReached = null, nextAttemptInSeconds } = provider ?? {}
  const budget = budgetReached === null ? null : `its budget ${budgetReached} is used up`
  const headers = nextAttemptInSeconds ? { 'Retry-After': String(Math.ceil(nextAttemptInSeconds)) } : {}
  return problem('ADMIN_NOT_NOW', reason ?? budget ?? 'it has, or has ordered, as many addresses as it may', {
    headers,
  })
}
