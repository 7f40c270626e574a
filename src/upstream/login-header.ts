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
