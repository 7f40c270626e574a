/** Translates zod's issues into sentences for users: what is wrong, and what to write instead. */
import type { z } from 'zod'
import type { Path } from './locate.ts'
import { nearest } from './nearest.ts'

type Issue = z.core.$ZodIssue

export interface Finding {
  readonly path: Path
  readonly message: string
  /** Whether the problem is the key itself, or its value. */
  readonly at: 'key' | 'value'
}

/**
 * The `error` option for `safeParse`: the message of an unknown key lists the keys that are known there, because the message
 * is the only part of an issue that survives zod's unions. `explain` reads the list back.
 */
export function rememberKnownKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined
  const definition = issue.inst?._zod.def as { shape?: object } | undefined
  return Object.keys(definition?.shape ?? {}).join(' ')
}

/**
 * @param raw the whole value that was parsed
 * @param above the path of the part that `issue.path` is relative to
 */
export function explain(issue: Issue, raw: unknown, above: Path = []): readonly Finding[] {
  const path = [...above, ...issue.path]
  const value = valueAt(raw, path)
  if (isNobodys(path, raw) && isOfLinks(issue, path)) return explainNobodys(issue, path)
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, issue.message))
  if (value === undefined && path.length > 0) return [{ path, message: missing(issue), at: 'value' }]
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return explainUnion(issue, raw, path, value)
  return [{ path, message: sentence(issue, value), at: 'value' }]
}

/** Whether `path` is in a provider that names neither a vendor nor a link: its valid keys are unknown then. */
function isNobodys([providers, index]: Path, raw: unknown): boolean {
  if (providers !== 'providers' || typeof index !== 'number') return false
  const entry = valueAt(raw, [providers, index])
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return false
  return !('vendor' in entry) && !('url' in entry)
}

/** Whether an issue arises only because the entry has no vendor and is therefore parsed as a link. */
function isOfLinks(issue: Issue, [, , key]: Path): boolean {
  return issue.code === 'unrecognized_keys' || key === 'url' || key === 'credentials' || key === 'product'
}

/** Reports only that the vendor is missing, and misspelt keys that may stand for it. */
function explainNobodys(issue: Issue, path: Path): readonly Finding[] {
  if (issue.code === 'unrecognized_keys') {
    const slips = issue.keys.filter((key) => ['vendor', 'url'].includes(nearest(key, ['vendor', 'url']) ?? ''))
    return slips.map((key) => unknownKey(path, key, 'vendor url'))
  }
  if (path.length !== 3 || path[2] !== 'url') return []
  const words =
    "is missing; name who sells the addresses (docs/vendors/README.md), or paste a link from the vendor's page as url"
  return [{ path: [...path.slice(0, 2), 'vendor'], message: words, at: 'value' }]
}

function unknownKey(path: Path, key: string, knownKeys: string): Finding {
  const known = knownKeys === '' ? [] : knownKeys.split(' ')
  const meant = nearest(key, known)
  const help =
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length > 0
        ? `known here: ${known.join(', ')}`
        : 'none is known here'
  return { path: [...path, key], message: `unknown key; ${help}`, at: 'key' }
}

function missing(issue: Issue): string {
  const choices = choicesOf(issue)
  if (choices !== undefined) return `is missing; write one of ${choices.join(', ')}`
  return issue.code === 'custom' ? `is missing; ${issue.message}` : 'is missing'
}

/** For a value that may have several shapes: the problems of the shape that fits best. */
function explainUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  raw: unknown,
  path: Path,
  value: unknown,
): readonly Finding[] {
  const meant = issue.errors
    .filter(
      (branch) =>
        branch.some(({ code }) => code === 'unrecognized_keys') || branch.every((inner) => inner.path.length > 0),
    )
    .toSorted((a, b) => mistakesIn(a) - mistakesIn(b))[0]
  const shape = meant ?? onlyShapeOf(issue)
  if (shape !== undefined) return shape.flatMap((inner) => explain(inner, raw, path))
  const choices = issue.errors
    .flat()
    .flatMap(shapesOf)
    .map((choice) => choice.replace(/^write /, ''))
  return [{ path, message: `${emptyOr(value)}write ${[...new Set(choices)].join(' or ')}`, at: 'value' }]
}

const mistakesIn = (branch: readonly Issue[]): number =>
  branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)

/** The only shape that has the type of the value; undefined when there are several, or none. */
function onlyShapeOf({ errors }: z.core.$ZodIssueInvalidUnion): readonly Issue[] | undefined {
  const fitting = errors.filter((branch) => !branch.some(({ code }) => code === 'invalid_type'))
  const [shape] = fitting
  return fitting.length === 1 && shape?.every(({ code }) => code === 'custom') ? shape : undefined
}

function shapesOf(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  if (issue.code === 'invalid_union') return issue.errors.flat().flatMap(shapesOf)
  if (issue.code !== 'invalid_type') return [issue.message]
  if (issue.expected === 'null') return ['null']
  return issue.expected === 'boolean' ? ['true', 'false'] : [`a ${nouns[issue.expected] ?? issue.expected}`]
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'whole number',
  number: 'number',
  object: 'group of keys',
  record: 'group of keys',
  array: 'list',
  tuple: 'list',
}

const typeSentences: Readonly<Record<string, string>> = {
  string: 'must be text',
  int: 'must be a whole number',
  number: 'must be a number',
  boolean: 'must be true or false',
  object: 'must hold keys, one per line, indented',
  record: 'must hold keys, one per line, indented',
  array: 'must be a list',
  tuple: 'must be a list',
}

function sentence(issue: Issue, value: unknown): string {
  const choices = choicesOf(issue)
  if (choices !== undefined) return `${emptyOr(value)}${suggest(value, choices)}write one of ${choices.join(', ')}`
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, value)
    case 'too_small':
      if (issue.origin === 'string') return `needs at least ${issue.minimum} characters`
      return issue.origin === 'array'
        ? `${lengthSentence('needs at least', issue.minimum)}`
        : `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
    case 'too_big':
      if (issue.origin === 'string') return `takes at most ${issue.maximum} characters`
      return issue.origin === 'array'
        ? lengthSentence('takes at most', issue.maximum)
        : `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`
    case 'custom':
      return `${emptyOr(value)}${issue.message}`
    case 'invalid_format':
      // zod's own words quote the pattern.
      return issue.message.startsWith('Invalid') ? 'is not valid here' : issue.message
    default:
      return 'is not valid here'
  }
}

function wrongType(expected: string, value: unknown): string {
  if (value === null) return 'is empty; give it a value or remove the key'
  const words = typeSentences[expected] ?? 'is not valid here'
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `${words}: put it in quotes`
  if (typeof value === 'string' && expected !== 'string' && /^\s*(-?\d+(\.\d+)?|true|false)\s*$/.test(value)) {
    return `${words}, written in the file without quotes (text from the environment stays text)`
  }
  return words
}

const lengthSentence = (words: string, count: number | bigint): string =>
  `${words} ${count} ${Number(count) === 1 ? 'entry' : 'entries'}`

const emptyOr = (value: unknown): string => (value === null ? 'is empty; ' : '')

function choicesOf(issue: Issue): readonly string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  if (issue.code !== 'invalid_union' || issue.discriminator === undefined) return undefined
  // For an entry that is defined by its link, there is no word.
  const options = (issue as { options?: z.core.util.Primitive[] }).options
  return options?.filter((option) => option !== undefined && option !== 'link').map(String)
}

function suggest(value: unknown, choices: readonly string[]): string {
  const meant = typeof value === 'string' ? nearest(value, choices) : undefined
  return meant === undefined ? '' : `did you mean ${meant}? Otherwise `
}

/** The member of plain objects and lists at `path`, or undefined. */
export function valueAt(raw: unknown, path: Path): unknown {
  let value = raw
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<PropertyKey, unknown>)[step]
  }
  return value
}
