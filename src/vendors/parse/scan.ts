/**
 * Finds addresses in a text with any separator, and in JSON or XML of unknown shape. Total: other items are left out, or described
 * by their shape. The work is limited by the length of the text, and by MAX_FOUND addresses.
 */
import {
  type Endpoint,
  type EndpointOptions,
  notAnAddress,
  parseEndpoint,
  type Reading,
  readEndpoint,
} from './address.ts'
import { type Found, factsIn, toFound } from './facts.ts'
import { balanceIn, fieldsOf, itemIn, plainName } from './members.ts'
import { membersOf, shapeOf, textOf } from './reply.ts'

export interface Findings {
  readonly found: readonly Found[]
  /** Items that are not addresses, described; never a secret. */
  readonly rejected: readonly string[]
  /** The balance, if the vendor reports it. */
  readonly balance?: number | undefined
}

export interface ScanOptions extends EndpointOptions {
  /**
   * Only addresses in the documented formats: a line that is an address as a whole is one, because a password may contain a
   * separator.
   */
  readonly isList?: boolean
}

/** More than a valid reply contains (`filterAddresses` takes 10,000). */
const MAX_FOUND = 20_000
const MAX_PIECES = 2 * MAX_FOUND
const MAX_REJECTED = 100
/** Nested lists and envelopes: real ones have up to four levels. */
const MAX_DEPTH = 12

/** Finds addresses in a text. Comments (`#`) and empty lines are skipped. */
export function scanText(text: string, options: ScanOptions = {}): Findings {
  const scan = new Scan(options)
  scan.text(text)
  return scan
}

/** Searches everything for texts that are addresses, and for objects with a host and a port. */
export function scanTree(tree: unknown, options: ScanOptions = {}): Findings {
  const scan = new Scan(options)
  scan.visit(tree, '', 0, false)
  return scan
}

/** Single texts under these names are not addresses for sale: they are about us, or messages. */
const ELSEWHERE =
  /^((client|remote|your|caller|local|request|current|source)(ip|addr|address|host)?|msg|message|errmsg|errormsg|error|err|info|desc|description|detail|tips|doc|docs|help|callback)$/

class Scan implements Findings {
  readonly found: Found[] = []
  readonly rejected: string[] = []
  balance: number | undefined
  readonly #options: ScanOptions
  #pieces = 0

  constructor(options: ScanOptions) {
    this.#options = options
  }

  get #isFull(): boolean {
    return this.found.length >= MAX_FOUND || this.#pieces >= MAX_PIECES
  }

  // --- Trees ------------------------------------------------------------------------------------------------------

  visit(value: unknown, name: string, depth: number, isListed: boolean): void {
    if (depth > MAX_DEPTH || this.#isFull) return
    const text = textOf(value)
    if (text !== undefined) this.#member(text, name, isListed)
    else if (Array.isArray(value)) this.#list(value as unknown[], name, depth)
    else if (typeof value === 'object' && value !== null) this.#object(membersOf(value) ?? {}, depth, isListed)
    else if (isListed) this.#add([], ['nothing in place of an address'])
  }

  #member(text: string, name: string, isListed: boolean): void {
    if (!isListed && ELSEWHERE.test(name)) return
    const { found, rejected } = scanText(text, this.#options)
    this.#add(found, isListed || found.length > 0 ? rejected : [])
  }

  #list(list: readonly unknown[], name: string, depth: number): void {
    // ["203.0.113.7", 8080] is one address.
    const [host, port] = list.length === 2 ? list.map(textOf) : []
    const isPair = host !== undefined && !/[:,\s]/.test(host) && /^\d{1,5}$/.test(port ?? '')
    const pair = isPair ? this.#endpoint(`${host}:${port}`) : undefined
    if (pair !== undefined) this.#add([toFound(pair, {})], [])
    else for (const member of list) this.visit(member, name, depth + 1, true)
  }

  #object(members: Readonly<Record<string, unknown>>, depth: number, isListed: boolean): void {
    const fields = fieldsOf(members)
    const item = itemIn(fields, (text) => this.#endpoint(text))
    if (item !== undefined) return void this.#add([item], [])
    this.balance ??= balanceIn(fields)
    const before = this.found.length
    for (const [name, member] of Object.entries(members)) this.visit(member, plainName(name), depth + 1, false)
    if (isListed && this.found.length === before && fields.size > 0)
      this.#add([], [`an object with ${namesOf(members)} and without host and port`])
  }

  // --- Texts ------------------------------------------------------------------------------------------------------

  text(text: string): void {
    for (const line of withLineBreaks(text, this.#options).split(/[\r\n]+/, MAX_PIECES)) {
      const trimmed = line.trim()
      if (trimmed === '' || trimmed.startsWith('#')) continue
      const { found, rejected } = this.#line(trimmed)
      this.#add(found, rejected)
      if (this.#isFull) return
    }
  }

  #line(line: string): Findings {
    const pieces = line.split(SEPARATORS, MAX_PIECES).filter((piece) => piece !== '')
    this.#pieces += pieces.length
    if (this.#options.isList === true) return this.#addressesOf(line, pieces)
    const tokens = joinedTimes(pieces)
    const read = tokens.map((token) => this.#token(token))
    const readable = read.filter(({ found }) => found.length > 0)
    const [first] = read
    const [only] = first?.found ?? []
    // An address at the start of a line: the rest are its facts. Elsewhere an address is part of a sentence.
    if (readable.length === 1 && first?.found.length === 1 && tokens.length > 1 && only !== undefined)
      return { found: [withFacts(only, tokens.slice(1))], rejected: [] }
    if (readable.length === 0 && tokens.length > 1) {
      const pair = this.#pairIn(tokens)
      return { found: pair, rejected: pair.length > 0 ? [] : [notAnAddress(line)] }
    }
    if (readable.length === 1 && first?.found.length === 0) return { found: [], rejected: [notAnAddress(line)] }
    return { found: read.flatMap(({ found }) => found), rejected: read.flatMap(({ rejected }) => rejected) }
  }

  /** The line is split at separators unless only the whole is an address. */
  #addressesOf(line: string, pieces: readonly string[]): Findings {
    const isWhole = pieces.length > 1 && this.#endpoint(line) !== undefined
    const isCut = !isWhole || pieces.every((piece) => this.#endpoint(piece) !== undefined)
    const read = (isCut ? pieces : [line]).map((piece) => this.#token(piece))
    return { found: read.flatMap(({ found }) => found), rejected: read.flatMap(({ rejected }) => rejected) }
  }

  /** `address,fact,fact`, or several addresses with commas between them. */
  #token(token: string): Findings {
    const parts = token.split(',', MAX_PIECES).filter((part) => part !== '')
    const readings = parts.map((part) => this.#read(part))
    const endpoints = readings.flatMap((reading) => ('endpoint' in reading ? reading.endpoint : []))
    // An address after an address is another one, unless it is a login: `1.2.3.4:80,user.name:8080` looks like both.
    if (parts.length > 1 && endpoints.length === parts.length)
      return { found: endpoints.map((endpoint) => toFound(endpoint, {})), rejected: [] }
    const whole = this.#options.isList === true ? this.#endpoint(token) : undefined
    if (whole !== undefined) return { found: [toFound(whole, {})], rejected: [] }
    const [first] = readings
    if (first === undefined || 'reason' in first) return this.#pairOr(parts, first?.reason ?? notAnAddress(token))
    return { found: [toFound(first.endpoint, factsIn(parts.slice(1)))], rejected: [] }
  }

  #pairOr(parts: readonly string[], reason: string): Findings {
    const pair = this.#options.isList === true ? [] : this.#pairIn(parts)
    return { found: pair, rejected: pair.length > 0 ? [] : [reason] }
  }

  /** `203.0.113.7 8080`, and `203.0.113.7,8080,...`: host and port with a separator. */
  #pairIn(tokens: readonly string[]): Found[] {
    const [host = '', port = '', ...rest] = tokens.flatMap((token) => token.split(',', MAX_PIECES))
    if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host) || !/^\d{2,5}$/.test(port)) return []
    const endpoint = this.#endpoint(`${host}:${port}`)
    return endpoint === undefined ? [] : [toFound(endpoint, factsIn(rest))]
  }

  // --- Addresses --------------------------------------------------------------------------------------------------

  #read(text: string): Reading {
    if (this.#options.isList !== true) return readEndpoint(text)
    const endpoint = parseEndpoint(text, this.#options)
    return endpoint === undefined ? { reason: notAnAddress(text) } : { endpoint }
  }

  #endpoint(text: string): Endpoint | undefined {
    const reading = this.#read(text)
    return 'endpoint' in reading ? reading.endpoint : undefined
  }

  #add(found: readonly Found[], rejected: readonly string[]): void {
    // Not spread into `push`: the number of arguments is limited.
    for (const one of found.slice(0, MAX_FOUND - this.found.length)) this.found.push(one)
    for (const reason of rejected.slice(0, MAX_REJECTED - this.rejected.length)) this.rejected.push(reason)
  }
}

const SEPARATORS = /[\s|;]+/

/** Line breaks as HTML, as the delimiter `/br`, and as an unconverted escape. A password may contain the last two. */
function withLineBreaks(text: string, { isList }: ScanOptions): string {
  const lines = text.replaceAll('\ufeff', '').replace(/<\/?br\s*\/?>/gi, '\n')
  if (isList === true) return lines
  const cut = lines.replace(/\/br(?![a-z])/gi, '\n').replaceAll('\\t', '\t')
  return /[\r\n]/.test(cut) ? cut : cut.replace(/\\r\\n|\\[nr]/g, '\n')
}

/** `2023-02-25 15:38:36 +08:00` was split at its spaces. */
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

function withFacts(found: Found, tokens: readonly string[]): Found {
  const facts = factsIn(tokens.flatMap((token) => token.split(',', MAX_PIECES)))
  const { life, ...rest } = found
  const added = toFound(found, { ...facts, life: life.kind === 'unknown' ? (facts.life ?? life) : life })
  return { ...added, ...rest, life: added.life }
}

/** Names of members are not trusted either, and a map may have logins as names. */
function namesOf(members: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(members).slice(0, 6)
  return names.map((name) => (/^\w{1,24}$/.test(name) ? name : shapeOf(name))).join(', ')
}
