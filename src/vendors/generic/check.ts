/** What no single key of a generic entry can tell: keys that contradict each other. Reads the entry as written, valid or not. */

import type { EntryProblem } from '../contract.ts'
import { membersOf } from '../parse/reply.ts'

type Members = Readonly<Record<string, unknown>>

export function checkEntry(entry: Members): readonly EntryProblem[] {
  return [...checkRequest(entry), ...checkFields(entry), ...checkErrors(entry)]
}

/** RFC 9110 section 5.1. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
/** Of the connection, not of the call: the gateway's HTTP client sets them. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'upgrade', 'expect', 'te', 'trailer'],
  ...['proxy-connection', 'accept-encoding'],
])

function checkRequest({ method = 'GET', body, headers }: Members): EntryProblem[] {
  const problems: EntryProblem[] = []
  if (body !== undefined && method !== 'POST')
    problems.push({ path: ['body'], message: 'a body needs method: POST beside it' })
  const seen = new Set<string>()
  for (const name of Object.keys(membersOf(headers) ?? {})) {
    const path = ['headers', name]
    const lower = name.toLowerCase()
    if (!HEADER_NAME.test(name)) problems.push({ path, message: 'this cannot be the name of a header', at: 'key' })
    else if (CONNECTION_HEADERS.has(lower)) problems.push({ path, message: 'is set by the gateway itself', at: 'key' })
    else if (seen.has(lower)) problems.push({ path, message: 'this header is there already', at: 'key' })
    seen.add(lower)
  }
  return problems
}

function checkFields({ format, fields: written }: Members): EntryProblem[] {
  const fields = written === undefined ? { address: 1 } : membersOf(written)
  if (fields === undefined) return []
  return [...checkPlace(fields), ...checkSelectors(fields, format, written === undefined)]
}

function checkPlace({ address, host, port, deadline, ttl }: Members): EntryProblem[] {
  const problems: EntryProblem[] = []
  if (address === undefined && host === undefined && port === undefined)
    problems.push({ path: ['fields'], message: 'needs address, or host and port' })
  else if (address !== undefined && (host !== undefined || port !== undefined))
    problems.push({ path: ['fields', 'address'], message: 'write either address, or host and port' })
  else if (address === undefined && (host === undefined || port === undefined))
    problems.push({ path: ['fields', host === undefined ? 'port' : 'host'], message: 'host and port go together' })
  if (deadline !== undefined && ttl !== undefined)
    problems.push({ path: ['fields', 'ttl'], message: 'write either deadline or ttl' })
  return problems
}

/** A text has columns, an object members: one list cannot be both. */
function checkSelectors(fields: Members, format: unknown, isDefault: boolean): EntryProblem[] {
  const written = Object.entries(fields).map(([name, value]) => {
    const inner = membersOf(value)
    return {
      path: inner === undefined ? ['fields', name] : ['fields', name, 'field'],
      value: inner?.['field'] ?? value,
    }
  })
  const names = written.filter(({ value }) => typeof value === 'string')
  if (format === 'text')
    return names.map(({ path }) => ({ path, message: 'a text has columns: write the number of one, as in 2' }))
  const columns = written.filter(({ value }) => typeof value === 'number')
  if (isDefault || names.length === 0) return []
  const words = 'other fields are members with names: an item has either names or numbered columns'
  return columns.map(({ path }) => ({ path, message: words }))
}

function checkErrors({ errors, success, format }: Members): EntryProblem[] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((entry: unknown, i) => {
    const { code, contains, status, class: errorClass, wait } = membersOf(entry) ?? {}
    if (membersOf(entry) === undefined) return []
    const problems: EntryProblem[] = []
    if (code === undefined && contains === undefined && status === undefined)
      problems.push({ path: ['errors', i], message: 'needs code, contains or status' })
    if (status === 429)
      problems.push({ path: ['errors', i, 'status'], message: '429 counts as rate_limited by itself' })
    if (code !== undefined && success === undefined && format !== 'text')
      problems.push({ path: ['errors', i, 'code'], message: 'needs success: which says where the code stands' })
    if (wait !== undefined && errorClass !== 'rate_limited' && errorClass !== 'quota_exhausted')
      problems.push({ path: ['errors', i, 'wait'], message: 'only rate_limited and quota_exhausted wait' })
    return problems
  })
}
