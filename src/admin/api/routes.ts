/** Routes of the admin port: parses requests as the table of operations defines, checks access, and calls the handlers. */

import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { internalErrors } from '../../internal-errors.ts'
import { PAGE_FOLDER, readPage } from '../page.ts'
import {
  type AccessParts,
  clientAddressOf,
  demandToken,
  type Env,
  ownHostOnly,
  ownPagesOnly,
  tokenForReading,
} from './access.ts'
import { readBody, readQuery } from './body.ts'
import { type HandlerParts, handlers, type Request } from './handlers.ts'
import type { Operation } from './operation.ts'
import { type OperationId, operations } from './operations.ts'
import { problem } from './problem.ts'
import { SharedReports } from './shared-reports.ts'

export interface RouteParts extends AccessParts, HandlerParts {}

/** A client that closes its connection cancels its request and does not receive this status. */
const CLIENT_GONE = 499

/** @param host where the port listens: the default of the Host header */
export function adminListener(parts: RouteParts, host: string): RequestListener {
  return getRequestListener(adminRoutes(parts).fetch, {
    hostname: host.includes(':') ? `[${host}]` : host,
    // The global Request is left unchanged.
    overrideGlobalObjects: false,
    errorHandler: () => problem('ADMIN_BAD_REQUEST', 'the request names no host or path that could be read'),
  })
}

function adminRoutes(parts: RouteParts): Hono<Env> {
  const app = new Hono<Env>()
  app.use(ownHostOnly(parts))
  app.use(ownPagesOnly())
  app.use(methodNotAllowed({ app, onMethodNotAllowed: (_, methods) => refuseMethod(methods) }))
  app.notFound((c) => problem('ADMIN_NOT_FOUND', `there is nothing at ${c.req.path}`))
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: CLIENT_GONE })
    internalErrors.count++
    parts.log.error({ err: error }, 'an admin request failed')
    return problem('ADMIN_INTERNAL', 'the request failed inside the gateway; its log says more')
  })
  addOperations(app, parts)
  addPage(app)
  return app
}

const pass: MiddlewareHandler<Env> = (_, next) => next()

/** The type of `request` follows from the id, which the compiler cannot see in a loop. */
type AnyHandler = (request: Request<OperationId>) => Response | object | Promise<Response | object>

function addOperations(app: Hono<Env>, parts: RouteParts): void {
  const access = { open: pass, client: pass, read: tokenForReading(parts), change: demandToken(parts) }
  const all = handlers(parts)
  const shared = new SharedReports(parts.clock)
  for (const [id, operation] of Object.entries<Operation>(operations)) {
    const handle = all[id as OperationId] as AnyHandler
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1')
    // Written with and without the slash at its end.
    const paths = path.endsWith('/') ? [path, path.slice(0, -1)] : [path]
    const status = Number(Object.keys(operation.replies)[0])
    app.on(operation.method, paths, access[operation.access], async (c) => {
      const request = await readRequest(c, operation)
      if (request instanceof Response) return request
      if (operation.access === 'read') return shared.answer(id, request.query, () => handle(request))
      const answer = await handle(request)
      if (operation.access !== 'open') shared.clear()
      return answer instanceof Response ? answer : Response.json(answer, { status })
    })
  }
}

/** The dashboard files need no token: its data comes through the operations above. */
function addPage(app: Hono<Env>): void {
  for (const [path, { body, headers }] of readPage(PAGE_FOLDER)) app.get(path, (c) => c.body(body, 200, headers))
}

async function readRequest(c: Context<Env>, operation: Operation): Promise<Request<OperationId> | Response> {
  const { raw } = c.req
  const query = operation.query === undefined ? undefined : readQuery(c.req.queries(), operation.query)
  if (query instanceof Response) return query
  const body = operation.body === undefined ? undefined : await readBody(raw, operation.body, operation.maxBodyBytes)
  if (body instanceof Response) return body
  return {
    params: c.req.param(),
    query,
    body,
    host: c.req.header('host') ?? '',
    authorization: c.req.header('authorization'),
    clientAddress: clientAddressOf(c),
    signal: raw.signal,
  } as Request<OperationId>
}

function refuseMethod(methods: readonly string[]): Response {
  const allow = methods.join(', ')
  return problem('ADMIN_METHOD', `allowed here: ${allow}`, { headers: { Allow: allow } })
}
