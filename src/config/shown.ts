/** A configuration for display to the operator: secrets are `***`, comments are removed (they may contain secrets). */
import { isScalar, parseDocument, Scalar, visit } from 'yaml'
import { formatAuthority } from '../address.ts'
import { parseEndpoint } from '../vendors/registry.ts'
import type { Config } from './schema.ts'

const MASK = '***'

/** Keys whose whole value, at any depth, belongs to an account. Under `listen` the name of a user is not secret. */
const SECRET_KEYS = new Set(['credentials', 'password', 'token', 'headers', 'body', 'url', 'secret', 'sign', 'login'])
/** Lists of proxies: an entry may contain a login. */
const LIST_KEYS = new Set(['list'])
const PLACEHOLDERS = /^(?:\$\{\w+\})+$/
/** What a generic call is filled in with, as `{num}`: the name of a value, not the value. */
const FILLED_IN = /^\{\w+(?::[^{}]*)?\}$/
/** A parameter with a smaller number is a count or a choice. */
const LEAST_SECRET_NUMBER = 100_000

/**
 * @param text of a gateway.yaml without mistakes
 * @returns the text without comments; a secret that is not written as `${NAME}` is masked. Collections in brackets that go over
 * several lines, as in JSON, are written as lines: they would become one long line.
 */
export function shownYaml(text: string): string {
  const document = parseDocument(text)
  document.comment = null
  document.commentBefore = null
  visit(document, {
    Collection(_, node) {
      withoutComments(node)
      const [start, end] = node.range ?? [0, 0]
      if (text.slice(start, end).includes('\n')) node.flow = false
    },
    Alias: (_, node) => withoutComments(node),
    Scalar(key, node, ancestors) {
      withoutComments(node)
      const { value } = node
      if (key === 'key' || (typeof value !== 'string' && typeof value !== 'number') || PLACEHOLDERS.test(String(value)))
        return
      const keys = ancestors.flatMap((ancestor) =>
        'key' in ancestor && isScalar(ancestor.key) ? [String(ancestor.key.value)] : [],
      )
      const masked = maskedBy(keys, value)
      if (masked === undefined) return
      node.value = masked
      // Unquoted, `***` would be an alias.
      node.type = Scalar.QUOTE_DOUBLE
    },
  })
  return document.toString({ lineWidth: 0 })
}

function withoutComments(node: { comment?: string | null; commentBefore?: string | null }): void {
  node.comment = null
  node.commentBefore = null
}

/** @returns undefined when the value is not secret */
function maskedBy(keys: readonly string[], value: string | number): string | undefined {
  if (isParameter(keys)) return isTelling(value) ? MASK : undefined
  if (typeof value === 'number') return undefined
  const last = keys.at(-1) ?? ''
  if (keys.some((key) => LIST_KEYS.has(key))) return withoutLogin(value)
  if (last === 'url') return URL.canParse(value) ? `${new URL(value).protocol}//${new URL(value).host}/${MASK}` : MASK
  if (keys.some((key) => SECRET_KEYS.has(key))) return MASK
  // Of the upstreams, or of a provider with one host for all sessions. `fields` tells only where a reply has one.
  const isUpstreamLogin = last === 'username' && (keys.includes('upstream') || keys.at(-2) === 'providers')
  const isCallbackPath = last === 'path' && keys.includes('callback')
  return isUpstreamLogin || isCallbackPath ? MASK : undefined
}

/** Of a generic call: any of them may be the key of the account. `operations.query` is a call, not its parameters. */
function isParameter(keys: readonly string[]): boolean {
  const [above, holder] = keys.slice(-3)
  return keys.includes('json') || holder === 'form' || (holder === 'query' && above !== 'operations')
}

function isTelling(value: string | number): boolean {
  return typeof value === 'number' ? Math.abs(value) >= LEAST_SECRET_NUMBER : !FILLED_IN.test(value)
}

/** @param entry an address in any form (vendors/parse/address.ts); of one that cannot be read nothing is shown */
function withoutLogin(entry: string): string | undefined {
  const endpoint = parseEndpoint(entry.trim(), { bareNames: true })
  if (endpoint === undefined) return MASK
  if (endpoint.username === undefined) return undefined
  const [scheme = ''] = /^\w+:\/\//.exec(entry.trim()) ?? []
  return `${scheme}${MASK}:${MASK}@${formatAuthority(endpoint.host, endpoint.port)}`
}

/** The whole configuration with its defaults as plain data; every Secret is `***`. */
export function shownConfig(config: Config): Record<string, unknown> {
  return JSON.parse(JSON.stringify(config, (_, value) => (value === REDACTED ? MASK : value)))
}

/** The result of `Secret.toJSON`. */
const REDACTED = '[redacted]'

/** Whether the text at a 1-based place is a masked value: a mistake reported there is not one of the file. */
export function isMaskedAt(text: string, line: number, column: number): boolean {
  const rest = text.split('\n', line)[line - 1]?.slice(column - 1) ?? ''
  return /^["']?[^\s,}\]"']*\*\*\*/.test(rest)
}
