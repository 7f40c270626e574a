/** Addresses in a text with any separator. */
import { shapeOf } from '../parse/reply.ts'
import { endpointIn, type Found, factsIn, toFound } from './candidates.ts'

export interface TextFindings {
  readonly found: readonly Found[]
  /** What stood among the addresses and is none, as shapes. */
  readonly rejected: readonly string[]
}

/** Beyond what a reply can be meant to hold (the engine takes 10,000); a body of a mebibyte could have 200,000. */
const MAX_FOUND = 20_000
const MAX_REJECTED = 100

/** Line breaks as HTML, as an escape that somebody forgot to turn into one, and as the delimiter `/br`. */
function withLineBreaks(text: string): string {
  const lines = text.replace(/\ufeff/g, '').replace(/<\/?br\s*\/?>|\/br\b/gi, '\n')
  return /[\r\n]/.test(lines) ? lines : lines.replace(/\\r\\n|\\[nrt]/g, '\n')
}

/** Looks for addresses. Remarks (`#`) and empty lines are passed over. */
export function addressesIn(text: string): TextFindings {
  const found: Found[] = []
  const rejected: string[] = []
  for (const line of withLineBreaks(text).split(/[\r\n]+/)) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const here = lineFindings(trimmed)
    found.push(...here.found)
    rejected.push(...here.rejected.slice(0, MAX_REJECTED - rejected.length))
    if (found.length > MAX_FOUND) break
  }
  return { found, rejected }
}

function lineFindings(line: string): TextFindings {
  const tokens = joinedTimes(line.split(/[\s|;]+/).filter((token) => token !== ''))
  const read = tokens.map((token) => tokenFindings(token))
  const count = read.filter((items) => items.length > 0).length
  const [first = [], ...rest] = read
  const [only] = first
  // One address in front: what follows it on its line is told of it. Elsewhere in a line it is part of a sentence.
  if (count === 1 && first.length === 1 && rest.length > 0 && only !== undefined)
    return { found: [withFacts(only, tokens.slice(1))], rejected: [] }
  if (count === 0) return { found: pairIn(tokens), rejected: pairIn(tokens).length > 0 ? [] : [notAnAddress(line)] }
  if (count === 1 && first.length === 0) return { found: [], rejected: [notAnAddress(line)] }
  return { found: read.flat(), rejected: tokens.filter((_token, index) => read[index]?.length === 0).map(notAnAddress) }
}

const notAnAddress = (text: string): string => `not an address: ${shapeOf(text)}`

/** `2023-02-25 15:38:36 +08:00` was cut at its spaces. */
function joinedTimes(tokens: readonly string[]): string[] {
  const groups: string[][] = []
  tokens.forEach((token, index) => {
    const before = tokens[index - 1] ?? ''
    const isTime = /\d{4}[-/]\d{1,2}[-/]\d{1,2}$/.test(before) && /^\d{1,2}:\d{2}(:\d{2})?(,|$)/.test(token)
    const isZone = /\d{1,2}:\d{2}:\d{2}$/.test(before) && /^([+-]\d{2}:?\d{2}|UTC|GMT|Z)(,|$)/.test(token)
    const group = groups.at(-1)
    if (group !== undefined && (isTime || isZone)) group.push(token)
    else groups.push([token])
  })
  return groups.map((group) => group.join(' '))
}

/** `address,fact,fact`, or several addresses with commas between them. */
function tokenFindings(token: string): Found[] {
  const parts = token.split(',').filter((part) => part !== '')
  const endpoints = parts.map(endpointIn)
  const [first] = endpoints
  if (first === undefined) return []
  // An address behind an address is another one, unless a login is meant: `1.2.3.4:80,user.name:8080` looks like both.
  const isList = endpoints.length > 1 && endpoints.every((endpoint) => endpoint !== undefined)
  return isList ? endpoints.map((endpoint) => toFound(endpoint, {})) : [toFound(first, factsIn(parts.slice(1)))]
}

function withFacts(found: Found, tokens: readonly string[]): Found {
  const facts = factsIn(tokens.flatMap((token) => token.split(',')))
  const { life, ...rest } = found
  const added = toFound(found, { ...facts, life: life.kind === 'unknown' ? (facts.life ?? life) : life })
  return { ...added, ...rest, life: added.life }
}

/** `203.0.113.7 8080`, and `203.0.113.7,8080,...`: the port behind a separator of its own. */
function pairIn(tokens: readonly string[]): Found[] {
  const [host = '', port = '', ...rest] = tokens.flatMap((token) => token.split(','))
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host) || !/^\d{2,5}$/.test(port)) return []
  const endpoint = endpointIn(`${host}:${port}`)
  return endpoint === undefined ? [] : [toFound(endpoint, factsIn(rest))]
}
