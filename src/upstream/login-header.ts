/** The gateway's login at HTTP proxies, and what else their vendor wants in a request. */
import type { Upstream } from '../pool/upstream.ts'
import { Secret } from '../secret.ts'

/** The header line of our login at an HTTP proxy (RFC 7617, UTF-8). Made once per upstream; empty without a login. */
export function loginHeader(upstream: Upstream): string {
  upstream.login ??= new Secret(basicLogin(upstream))
  return upstream.login.reveal()
}

function basicLogin({ facts }: Upstream): string {
  if (facts.username === undefined) return ''
  const login = Buffer.from(`${facts.username}:${facts.password?.reveal() ?? ''}`).toString('base64')
  return `Proxy-Authorization: Basic ${login}\r\n`
}

/** Header lines: latin1 that stands for UTF-8. */
export function fieldLines(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(lines.join('')).toString('latin1')
}

/** 407, and 454 of some vendors. */
const LOGIN_STATUSES = new Set([407, 454])

/** Whether an HTTP proxy that answers so does not accept our login. */
export function refusesLogin(status: number): boolean {
  return LOGIN_STATUSES.has(status)
}
