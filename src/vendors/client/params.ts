/** Checks parameters against an operation's table before the call, with messages that contain parameter, range and value. */
import { nearest } from '../../config/nearest.ts'
import type { Operation, Param, Params, ParamValue } from '../contract/operation.ts'
import { formatWords, hasFormat, lengthOf } from './param-formats.ts'

export interface ParamProblem {
  /** The parameter's name in the vendor's spelling. */
  readonly param: string
  /** What is wrong and what to write instead; never a credential. */
  readonly message: string
}

/** The source of the parameters. `configured`: the user, under `request:`; `operator`: a call by hand; `engine`: complete, as they are sent. */
export type Author = 'configured' | 'operator' | 'engine'

/** @returns every mistake; an empty list for a valid call */
export function paramProblems(operation: Operation, params: Params, author: Author): ParamProblem[] {
  const problems: ParamProblem[] = []
  for (const [name, value] of Object.entries(params)) {
    const message = problemOf(operation, name, value, author)
    if (message !== undefined) problems.push({ param: name, message })
  }
  return author === 'engine'
    ? [...problems, ...missing(operation, params, () => true), ...unchosen(operation, params)]
    : problems
}

/** What the operator must still give: required parameters that are not credentials. */
export function missingParams(operation: Operation, params: Params): ParamProblem[] {
  return [...missing(operation, params, (param) => !isCredential(param)), ...unchosen(operation, params)]
}

/** Groups without any given parameter. */
function unchosen({ oneOf = [] }: Operation, params: Params): ParamProblem[] {
  return oneOf.flatMap((names) =>
    names.some((name) => params[name] !== undefined) ? [] : [{ param: names.join(' or '), message: 'is missing' }],
  )
}

/** Warnings about values beyond what is known to work: the call is made all the same. */
export function paramWarnings(operation: Operation, params: Params): string[] {
  return Object.entries(params).flatMap(([name, value]) => warningsOf(operation.params[name], name, value))
}

function warningsOf(param: Param | undefined, name: string, value: unknown): string[] {
  if (param === undefined) return []
  const { usualMax, members = {} } = param
  if (usualMax !== undefined && Number(value) > usualMax)
    return [`${name}=${value} is more than is known to work (${usualMax}); the document states no limit`]
  return (param.type === 'items' ? (parseItems(value) ?? []) : []).flatMap((item) =>
    Object.entries(item).flatMap(([member, held]) => warningsOf(members[member], `${name}[].${member}`, held)),
  )
}

/** Required in the document, with a documented default: it may be left out here. */
export function requiredDefaults(operation: Operation): Params {
  return Object.fromEntries(
    Object.entries(operation.params).flatMap(([name, { required, default: value }]) =>
      required === true && value !== undefined ? [[name, value]] : [],
    ),
  )
}

function missing(operation: Operation, params: Params, isAsked: (param: Param) => boolean): ParamProblem[] {
  return Object.entries(operation.params).flatMap(([name, param]) =>
    param.required === true && param.default === undefined && isAsked(param) && params[name] === undefined
      ? [{ param: name, message: `is missing: ${param.about}` }]
      : [],
  )
}

/** Set from the account: the user does not give it. */
export function isCredential({ managed, secret }: Param): boolean {
  return managed === true && secret === true
}

/** The parameters that a user may write under `request:` for an operation. */
export function configurableParams(operation: Operation): Readonly<Record<string, Param>> {
  return Object.fromEntries(Object.entries(operation.params).filter(([, param]) => param.managed !== true))
}

function problemOf(operation: Operation, name: string, value: ParamValue, author: Author): string | undefined {
  const param = Object.hasOwn(operation.params, name) ? operation.params[name] : undefined
  if (param === undefined) return unknownProblem(operation, name, author)
  if (param.managed === true && author === 'configured') return 'is set by the gateway itself'
  if (isCredential(param) && author === 'operator') return 'comes from the credentials'
  if (fits(param, value)) return undefined
  if (param.type === 'items') return itemsProblem(param, value)
  return `must be ${expectation(param)}${param.secret === true ? '' : `, not ${JSON.stringify(value)}`}`
}

function unknownProblem(operation: Operation, name: string, author: Author): string {
  const isOpen = (param: Param) => (author === 'operator' ? !isCredential(param) : param.managed !== true)
  const names = Object.keys(operation.params).filter((known) => isOpen(operation.params[known] as Param))
  const likely = nearest(name, names)
  if (likely !== undefined) return `is not a parameter of this call; did you mean ${likely}?`
  return `is not a parameter of this call, which takes ${names.join(', ') || 'none'}`
}

function fits(param: Param, value: ParamValue): boolean {
  switch (param.type) {
    case 'boolean':
      return ['true', 'false', ...(param.values ?? [])].map(String).includes(String(value))
    case 'integer':
      return isInteger(value) && within(param, Number(value)) && isListed(param, value)
    case 'csv':
      return (
        typeof value !== 'boolean' &&
        String(value)
          .split(',')
          .every((member) => member !== '' && isListed(param, member) && hasFormat(param, member))
      )
    case 'items':
      return itemsProblem(param, value) === undefined
    case 'string':
      return typeof value !== 'boolean' && fitsText(param, String(value))
  }
}

function fitsText(param: Param, text: string): boolean {
  return within(param, lengthOf(param, text)) && isListed(param, text) && hasFormat(param, text)
}

/** What is wrong with a JSON array of objects, with the name of the member; undefined when it is valid. */
function itemsProblem({ members = {}, oneOf = [], min = 1, max }: Param, value: ParamValue): string | undefined {
  const items = parseItems(value)
  if (items === undefined || items.length < min || items.length > (max ?? Number.POSITIVE_INFINITY))
    return `must be a JSON array of ${min} or more objects with ${Object.keys(members).join(', ')}`
  for (const [index, item] of items.entries()) {
    const [name = '', message] = memberProblem(members, item) ?? []
    if (message !== undefined) return `[${index}].${name} ${message}`
    if (oneOf.length > 0 && oneOf.every((member) => item[member] === undefined))
      return `[${index}] needs one of ${oneOf.join(', ')}`
  }
  return undefined
}

function memberProblem(
  members: Readonly<Record<string, Param>>,
  item: Readonly<Record<string, unknown>>,
): [string, string] | undefined {
  for (const [name, value] of Object.entries(item)) {
    const param = Object.hasOwn(members, name) ? members[name] : undefined
    if (param === undefined) return [name, `is not one of ${Object.keys(members).join(', ')}`]
    if (value === null && param.required !== true) continue
    const plain = param.type === 'items' ? JSON.stringify(value) : value
    const isPlain = typeof plain === 'string' || typeof plain === 'number' || typeof plain === 'boolean'
    if (!isPlain || !fits(param, plain)) return [name, `must be ${expectation(param)}`]
    if (param.together !== undefined && item[param.together] === undefined)
      return [param.together, `is missing: it goes with ${name}`]
  }
  const missing = Object.entries(members).find(([name, { required }]) => required === true && item[name] === undefined)
  return missing === undefined ? undefined : [missing[0], `is missing: ${missing[1].about}`]
}

/** @returns the objects of a JSON array given as text; undefined for anything else */
function parseItems(value: unknown): readonly Readonly<Record<string, unknown>>[] | undefined {
  try {
    const items: unknown = typeof value === 'string' ? JSON.parse(value) : value
    const isList = Array.isArray(items) && items.every((item) => typeof item === 'object' && item !== null)
    return isList ? (items as Readonly<Record<string, unknown>>[]) : undefined
  } catch {
    return undefined
  }
}

function isInteger(value: ParamValue): boolean {
  return typeof value === 'number'
    ? Number.isSafeInteger(value)
    : typeof value === 'string' && /^-?\d{1,15}$/.test(value)
}

function within(param: Param, size: number): boolean {
  return size >= (param.min ?? Number.NEGATIVE_INFINITY) && size <= (param.max ?? Number.POSITIVE_INFINITY)
}

function isListed(param: Param, value: ParamValue): boolean {
  return param.values === undefined || param.values.some((allowed) => String(allowed) === String(value))
}

/** `an integer from 1 to 100`. */
export function expectation(param: Param): string {
  const choice = param.values === undefined ? (formatWords(param)?.many ?? '') : param.values.join(', ')
  if (param.type === 'csv') return choice === '' ? 'a comma-separated list' : `a comma-separated list of ${choice}`
  if (param.type === 'items') return 'a JSON array of objects'
  if (param.type === 'boolean') return ['true or false', ...(param.values ?? [])].join(', ')
  if (param.values !== undefined) return param.values.length === 1 ? choice : `one of ${choice}`
  const range = [param.min === undefined ? '' : `from ${param.min}`, param.max === undefined ? '' : `to ${param.max}`]
    .filter(Boolean)
    .join(' ')
  if (param.type === 'integer') return `an integer ${range}`.trim()
  const form = formatWords(param)?.one ?? 'text'
  if (range === '') return form
  return param.lengthIn === undefined
    ? `${form} ${range} characters long`
    : `${form} ${range} Latin characters long (a Chinese one counts as two)`
}
