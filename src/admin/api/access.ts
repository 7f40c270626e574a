/** Access control of the admin port: the `Host` header, requests from pages of other sites, and the token. */
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { unmapIPv4 } from '../../address.ts'
import type { Log } from '../../log/log.ts'
import type { OperatorLogin } from './operator-login.ts'
import { problem } from './problem.ts'

export interface AccessParts {
  readonly log: Log
  readonly operator: OperatorLogin
  /** Other machines can reach the port: reading needs the token too. */
  readonly readsNeedToken: boolean
  /** Whether a `Host` header means this server. */
  readonly isOwnHost: (header: string | undefined, localPort: number | undefined) => boolean
}

export type Env = { Bindings: HttpBindings }

/** Refuses requests for another host (DNS rebinding), or with a request target that is not in origin-form. */
export function ownHostOnly({ isOwnHost }: AccessParts): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { headers, url, socket } = c.env.incoming
    if (url?.startsWith('/') && isOwnHost(headers.host, socket.localPort)) {
      await next()
      if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store')
      c.res.headers.set('X-Content-Type-Options', 'nosniff')
      return
    }
    const detail = 'this is the admin port: ask for localhost, its own address or its configured host, with its port'
    return problem('ADMIN_WRONG_HOST', detail)
  }
}

/**
 * Refuses requests from a page of another site. Every current browser marks them in `Sec-Fetch-Site` (Fetch Metadata, W3C) and,
 * for requests that may change something, in `Origin`; programs send neither. `same-site` is another port of this machine.
 */
export function ownPagesOnly(): MiddlewareHandler<Env> {
  return async (c, next) => {
    const site = c.req.header('sec-fetch-site')
    const origin = c.req.header('origin')
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none'
    const isOwnOrigin = origin === undefined || origin === `http://${c.req.header('host')}`
    if (isOwnSite && isOwnOrigin) return next()
    return problem('ADMIN_CROSS_SITE', 'a web page of another site may not use this port')
  }
}

/** Requires the token for every request. */
export function demandToken(parts: AccessParts): MiddlewareHandler<Env> {
  return async (c, next) => (await refusalOf(c, parts)) ?? next()
}

/** Requires the token when other machines can reach the port. */
export function tokenForReading(parts: AccessParts): MiddlewareHandler<Env> {
  return async (c, next) => (parts.readsNeedToken ? await refusalOf(c, parts) : undefined) ?? next()
}

/** The value of an Authorization header of the scheme Bearer. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
}

/** The address that a request came from. */
export function clientAddressOf(c: Context<Env>): string {
  return unmapIPv4(c.env.incoming.socket.remoteAddress ?? '')
}

/** @returns undefined when the request carries the token */
async function refusalOf(c: Context<Env>, { operator }: AccessParts): Promise<Response | undefined> {
  if (!operator.isPossible) {
    const detail = 'nothing can be changed here: configure admin.token, or a state folder in which a token can be kept'
    return problem('ADMIN_TOKEN_UNSET', detail)
  }
  const given = bearerOf(c.req.header('authorization'))
  if (given === undefined) {
    const headers = { 'WWW-Authenticate': 'Bearer realm="turnpike"' }
    return problem('ADMIN_TOKEN_REQUIRED', 'send "Authorization: Bearer TOKEN" with this request', { headers })
  }
  if (await operator.admits(given, clientAddressOf(c), c.req.raw.signal)) return undefined
  const headers = { 'WWW-Authenticate': 'Bearer realm="turnpike", error="invalid_token"' }
  return problem('ADMIN_TOKEN_WRONG', 'this is not the token of this gateway', { headers })
}
