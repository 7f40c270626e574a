/** Checks that concern several keys of a generic entry. Reads the entry as written, valid or not. */

import { CLASSES_OF_429 } from '../client/judge.ts'
import type { ErrorClass } from '../contract/error.ts'
import type { EntryProblem } from '../contract/vendor.ts'
import { checkCall } from '../parse/check-call.ts'
import { membersOf } from '../parse/reply.ts'
import { namesIn } from '../parse/template.ts'
import { PAGE_PARAMS, paramsOf } from './operations.ts'

type Members = Readonly<Record<string, unknown>>

export function checkEntry(entry: Members): readonly EntryProblem[] {
  const { login, whitelist, giveBack } = entry
  const operations = membersOf(entry['operations']) ?? {}
  const calls = Object.entries({ ...operations, login }).flatMap(([name, written]) => {
    const call = membersOf(written)
    const path = name === 'login' ? ['login'] : ['operations', name]
    return call === undefined ? [] : [{ name, path, call }]
  })
  const problems = calls.flatMap(({ name, path, call }) => [
    // Without its own `sign`, a call uses the one at the top.
    ...checkCall({ ...(name === 'login' ? {} : { sign: entry['sign'] }), ...call }, path, namesFor(name, entry)),
    ...checkSuccess(call, path),
    ...checkErrors({ format: entry['format'], success: entry['success'], ...call }, path),
    ...checkLimits(call, path),
  ])
  const isRegistered = whitelist === undefined || whitelist === 'off' || operations['whitelistAdd'] !== undefined
  return [
    ...checkCall(entry, [], namesFor('extract', entry)),
    ...checkFields(entry, []),
    ...checkFields({ format: entry['format'], fields: {}, ...membersOf(operations['query']) }, ['operations', 'query']),
    ...checkSuccess(entry, []),
    ...checkErrors(entry, []),
    ...checkLimits(entry, []),
    ...checkWhitelist(operations),
    ...checkPages(entry),
    ...problems,
    ...(isRegistered
      ? []
      : [{ path: ['whitelist'], message: 'needs operations.whitelistAdd, the call that registers an address' }]),
    ...(giveBack === undefined || operations['release'] !== undefined
      ? []
      : [{ path: ['giveBack'], message: 'needs operations.release, the call that gives an address back' }]),
  ]
}

/** The names that a call may use between braces, beside the general ones. */
function namesFor(operation: string, { credentials, login, owned }: Members): string[] {
  const keys = Object.keys(membersOf(credentials) ?? {})
  const token = login === undefined || operation === 'login' ? [] : ['token']
  return [
    ...keys,
    ...token,
    ...(Object.hasOwn(paramsOf, operation) ? paramsOf[operation as keyof typeof paramsOf] : []),
    ...(operation === 'extract' && owned === true ? PAGE_PARAMS : []),
  ]
}

type Path = readonly (string | number)[]

function checkFields({ format, fields: written }: Members, at: Path): EntryProblem[] {
  const fields = written === undefined ? { address: 1 } : membersOf(written)
  if (fields === undefined || (at.length > 0 && Object.keys(fields).length === 0)) return []
  const problems = [...checkPlace(fields), ...checkSelectors(fields, format, written === undefined)]
  return problems.map((problem) => ({ ...problem, path: [...at, ...problem.path] }))
}

function checkPlace({ address, host, port, deadline, ttl, start }: Members): EntryProblem[] {
  const problems: EntryProblem[] = []
  if (address === undefined && host === undefined && port === undefined)
    problems.push({ path: ['fields'], message: 'needs address, or host and port' })
  else if (address !== undefined && (host !== undefined || port !== undefined))
    problems.push({ path: ['fields', 'address'], message: 'write either address, or host and port' })
  else if (address === undefined && (host === undefined || port === undefined))
    problems.push({ path: ['fields', host === undefined ? 'port' : 'host'], message: 'host and port go together' })
  if (deadline !== undefined && ttl !== undefined)
    problems.push({ path: ['fields', 'ttl'], message: 'write either deadline or ttl' })
  if (start !== undefined && ttl === undefined)
    problems.push({ path: ['fields', 'start'], message: 'needs ttl: how long the address lives from then on' })
  return problems
}

/** `$key` and `$reply` refer to places outside of the item. */
const OUTSIDE = /^\$(?:key$|reply(?:[.[]|$))/

/** A text has columns, an object members: a list cannot use both. */
function checkSelectors(fields: Members, format: unknown, isDefault: boolean): EntryProblem[] {
  const written = Object.entries(fields).map(([name, value]) => {
    const inner = membersOf(value)
    return {
      path: inner === undefined ? ['fields', name] : ['fields', name, 'field'],
      value: inner?.['field'] ?? value,
    }
  })
  const inside = written.filter(({ value }) => !(typeof value === 'string' && OUTSIDE.test(value)))
  const names = inside.filter(({ value }) => typeof value === 'string')
  if (format === 'text')
    return names.map(({ path }) => ({ path, message: 'a text has columns: write the number of one, as in 2' }))
  const columns = written.filter(({ value }) => typeof value === 'number')
  if (isDefault || names.length === 0) return []
  const words = 'other fields are members with names: an item has either names or numbered columns'
  return columns.map(({ path }) => ({ path, message: words }))
}

function checkSuccess({ success: written, format }: Members, at: Path): EntryProblem[] {
  const success = membersOf(written)
  if (success === undefined) return []
  const { field, is, contains } = success
  const path = [...at, 'success']
  if (contains !== undefined && format !== undefined && format !== 'text')
    return [{ path: [...path, 'contains'], message: 'only a text contains words: write field and is' }]
  if ((field === undefined) !== (is === undefined)) return [{ path, message: 'field and is go together' }]
  const isToldBy = [field, contains, success['code'], success['message']].some((key) => key !== undefined)
  return isToldBy ? [] : [{ path, message: 'needs field and is, contains, or code and message of an error' }]
}

function checkErrors({ errors, success, format, login }: Members, at: Path): EntryProblem[] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((entry: unknown, i) => {
    const { code, contains, status, class: errorClass, wait, login: endsLogin } = membersOf(entry) ?? {}
    if (membersOf(entry) === undefined) return []
    const path = [...at, 'errors', i]
    const problems: EntryProblem[] = []
    if (code === undefined && contains === undefined && status === undefined)
      problems.push({ path, message: 'needs code, contains or status' })
    if (status === 429 && !CLASSES_OF_429.includes(errorClass as ErrorClass))
      problems.push({ path: [...path, 'class'], message: `429 is one of ${CLASSES_OF_429.join(', ')}` })
    if (code !== undefined && success === undefined && format !== 'text')
      problems.push({ path: [...path, 'code'], message: 'needs success: which says where the code stands' })
    if (wait !== undefined && errorClass !== 'rate_limited' && errorClass !== 'quota_exhausted')
      problems.push({ path: [...path, 'wait'], message: 'only rate_limited and quota_exhausted wait' })
    if (endsLogin !== undefined && login === undefined && at.length === 0)
      problems.push({ path: [...path, 'login'], message: 'needs login: the call that brings a token' })
    return problems
  })
}

/** Limits of one call that were counted together would count each call twice. */
function checkLimits({ limit }: Members, at: Path): EntryProblem[] {
  if (!Array.isArray(limit)) return []
  const groups = limit.map((one: unknown) => membersOf(one)?.['group'])
  const message = 'is counted apart from the other limits of this call: write another word'
  return groups.flatMap((group, i) =>
    group !== undefined && groups.indexOf(group) < i ? [{ path: [...at, 'limit', i, 'group'], message }] : [],
  )
}

/** What a call about the whitelist fills in is read from the list. */
function checkWhitelist(operations: Members): EntryProblem[] {
  const list = membersOf(operations['whitelistList'])
  return ['whitelistAdd', 'whitelistRemove'].flatMap((name): EntryProblem[] => {
    const call = membersOf(operations[name])
    const used = call === undefined ? [] : namesIn(JSON.stringify(call))
    const path = ['operations', name]
    if (list === undefined && (used.includes('ips') || used.includes('id')))
      return [{ path, message: 'needs operations.whitelistList, the call that reads the list' }]
    if (used.includes('id') && membersOf(list?.['fields'])?.['id'] === undefined)
      return [{ path, message: 'needs whitelistList.fields.id, the place of {id}' }]
    return []
  })
}

function checkPages({ owned, operations, login: _, ...call }: Members): EntryProblem[] {
  if (call['pages'] !== undefined && owned !== true)
    return [{ path: ['pages'], message: 'needs owned: true, a list that is read' }]
  const list = membersOf(membersOf(operations)?.['whitelistList']) ?? {}
  return [...checkCursor(call, []), ...checkCursor(list, ['operations', 'whitelistList'])]
}

function checkCursor({ pages, ...call }: Members, at: Path): EntryProblem[] {
  const path = [...at, 'pages']
  const isNamed = membersOf(pages)?.['next'] !== undefined
  const isUsed = namesIn(JSON.stringify(call)).includes('cursor')
  if (isUsed && !isNamed) return [{ path, message: 'needs next, the place of {cursor} in the reply' }]
  return isNamed && !isUsed ? [{ path: [...path, 'next'], message: 'needs {cursor} in the call' }] : []
}
