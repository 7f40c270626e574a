/** Checks that concern several keys of a call. Reads the call as written, valid or not. */
import type { EntryProblem } from '../contract/vendor.ts'
import { membersOf } from './reply.ts'
import { BUILT_IN, OF_THE_CALL, unknownPlaceholder } from './template.ts'

type Members = Readonly<Record<string, unknown>>
type Path = readonly (string | number)[]

/** RFC 9110 section 5.1. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
/** Fields of the connection, not of the call: the gateway's HTTP client sets them. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'upgrade', 'expect', 'te', 'trailer'],
  ...['proxy-connection', 'accept-encoding'],
])
const BODIES = ['form', 'json', 'body'] as const

/** @param names that this call may use between braces, beside the general ones; its signature may use `signed` too */
export function checkCall(call: Members, at: Path, names: readonly string[], signed = OF_THE_CALL): EntryProblem[] {
  const problems = [
    checkBody(call),
    checkHeaders(call),
    checkNames(call, names),
    checkSteps(call, names, signed),
  ].flat()
  return problems.map((problem) => ({ ...problem, path: [...at, ...problem.path] }))
}

function checkBody({ method = 'GET', ...call }: Members): EntryProblem[] {
  const written = BODIES.filter((name) => call[name] !== undefined)
  const [first, second] = written
  if (first === undefined) return []
  if (method === 'GET')
    return [{ path: [first], message: 'a body needs method: POST beside it, or PUT, PATCH, DELETE' }]
  return second === undefined ? [] : [{ path: [second], message: `write either ${second} or ${first}` }]
}

function checkHeaders({ headers }: Members): EntryProblem[] {
  const problems: EntryProblem[] = []
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

/** Every text with placeholders in a call, with its place. */
function* templatesOf(value: unknown, path: Path): Generator<{ readonly text: string; readonly path: Path }> {
  if (typeof value === 'string') yield { text: value, path }
  else if (Array.isArray(value)) {
    for (const [i, member] of value.entries()) yield* templatesOf(member, [...path, i])
  } else {
    for (const [name, member] of Object.entries(membersOf(value) ?? {})) yield* templatesOf(member, [...path, name])
  }
}

function checkNames(call: Members, names: readonly string[]): EntryProblem[] {
  const known = [...names, ...stepsOf(call).map(({ name }) => name), ...BUILT_IN]
  return ['url', 'headers', 'query', ...BODIES].flatMap((key) =>
    [...templatesOf(call[key], [key])].flatMap(({ text, path }) => unknownNames(text, path, known)),
  )
}

/** A step may use the parameters of the call and earlier steps. */
function checkSteps(call: Members, names: readonly string[], signed: readonly string[]): EntryProblem[] {
  const steps = stepsOf(call)
  return steps.flatMap(({ step, path, name }, i) => {
    const known = [...names, ...steps.slice(0, i).map((earlier) => earlier.name), ...BUILT_IN, ...signed]
    const isKeyed = String(step['hash']).startsWith('hmac-')
    const problems = ['of', 'key'].flatMap((key) => {
      const text = step[key]
      return typeof text === 'string' ? unknownNames(text, [...path, key], known) : []
    })
    if (isKeyed !== (step['key'] !== undefined))
      problems.push({ path, message: isKeyed ? 'an hmac needs a key' : 'only an hmac has a key' })
    if (known.includes(name)) problems.push({ path, message: `the name ${name} is taken: write another under name` })
    return problems
  })
}

interface Step {
  readonly name: string
  readonly step: Members
  readonly path: Path
}

function stepsOf({ sign }: Members): Step[] {
  const steps: readonly unknown[] = Array.isArray(sign) ? sign : [sign]
  return steps.flatMap((written, i): Step[] => {
    const step = membersOf(written)
    if (step === undefined) return []
    const { name = 'sign' } = step
    return typeof name === 'string' ? [{ name, step, path: Array.isArray(sign) ? ['sign', i] : ['sign'] }] : []
  })
}

function unknownNames(text: string, path: Path, known: readonly string[]): EntryProblem[] {
  const message = unknownPlaceholder(text, known)
  return message === undefined ? [] : [{ path, message }]
}
