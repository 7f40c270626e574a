/**
 * How drawn addresses are written: the document shows no example (ambiguity A7 of the vendor notes). Every known form is
 * read, and a text that could mean two addresses is nobody's: a login sent to the wrong host would be given away.
 */
import { isIP } from 'node:net'
import { isHostName, parseAuthority } from '../../address.ts'
import { Secret } from '../../secret.ts'
import { type Endpoint, parseEndpoint, shapeOf, splitLoginInFront } from '../parse/reply.ts'

export type Reading = { readonly endpoint: Endpoint } | { readonly reason: string }

/**
 * Reads `scheme://user:pass@host:port`, `user:pass@host:port`, `host:port:user:pass`, `user:pass:host:port`, `host:port`, and
 * `user:pass` beside a `proxyUrl` that names the host.
 * @param proxyUrl the address that stood beside the list, if any
 * @returns the address, or why there is none, with a sample that shows no letter of it
 */
export function readItem(item: string, proxyUrl?: string): Reading {
  const text = item.trim()
  const gate = proxyUrl === undefined ? undefined : parseEndpoint(proxyUrl.trim())
  if (text.includes('://') || text.includes('@')) return asReading(parseEndpoint(text), text)
  const candidates = rankedReadings(text, gate)
  const best = Math.max(...candidates.map(({ rank }) => rank))
  const winners = candidates.filter(({ rank }) => rank === best)
  if (winners.length > 1) return { reason: `could be read as two different addresses: ${shapeOf(text)}` }
  return asReading(winners[0]?.endpoint, text)
}

function asReading(endpoint: Endpoint | undefined, text: string): Reading {
  return endpoint === undefined ? { reason: `not an address: ${shapeOf(text)}` } : { endpoint }
}

interface Candidate {
  readonly endpoint: Endpoint
  readonly rank: number
}

/** All that a text with colons can mean. */
function rankedReadings(text: string, gate: Endpoint | undefined): Candidate[] {
  const found: Candidate[] = []
  const add = (address: Endpoint | undefined, login: Login | undefined) => {
    if (address === undefined) return
    const rank = rankOf(address, gate)
    const scheme = rank === NAMED_BESIDE && gate?.protocol !== undefined ? { protocol: gate.protocol } : {}
    found.push({ endpoint: withLogin({ ...address, ...scheme }, login), rank })
  }
  const leading = /^(\[[^\]]+\]|[^:\s]+):(\d{1,5})(?::([^:\s]+):(\S+))?$/.exec(text)
  if (leading !== null) add(address(`${leading[1]}:${leading[2]}`), loginOf(leading[3], leading[4]))
  const trailing = splitLoginInFront(text)
  if (trailing !== undefined && !/\s/.test(text))
    add(address(trailing.authority), loginOf(trailing.username, trailing.password))
  const login = /^([^:\s]+):([^:\s]+)$/.exec(text)
  // What begins with an IP address and a port is no login.
  const isAddress = leading !== null && isIP(leading[1] ?? '') !== 0
  if (gate !== undefined && login !== null && !isAddress)
    found.push({ endpoint: withLogin(gate, loginOf(login[1], login[2])), rank: NAME })
  return found
}

type Login = Pick<Endpoint, 'username' | 'password'>

function loginOf(username: string | undefined, password: string | undefined): Login | undefined {
  return username === undefined || password === undefined ? undefined : { username, password: new Secret(password) }
}

function withLogin({ host, port, protocol, ...own }: Endpoint, login: Login | undefined): Endpoint {
  return { host, port, ...(protocol === undefined ? {} : { protocol }), ...(login ?? own) }
}

function address(authority: string): Endpoint | undefined {
  const found = parseAuthority(authority)
  if (found === undefined) return undefined
  return isIP(found.host) !== 0 || (isHostName(found.host) && found.host.includes('.')) ? found : undefined
}

const NAME = 1
const LITERAL = 2
const NAMED_BESIDE = 3

/** A host that the vendor named beside the list beats an IP address, which beats a name: user names may look like names. */
function rankOf({ host }: Endpoint, gate: Endpoint | undefined): number {
  if (gate !== undefined && gate.host === host) return NAMED_BESIDE
  return isIP(host) === 0 ? NAME : LITERAL
}
