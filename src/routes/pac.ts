/**
 * `routes:` as a proxy auto-configuration file for browsers. The file only decides between the gateway and a direct connection: what
 * it cannot express (users) and blocked hosts go to the gateway. Written in ECMAScript 5, because PAC engines are old.
 */
import { addressNumber } from './host.ts'
import { PAC_FUNCTIONS } from './pac-functions.ts'
import type { HostPattern, RouteQuery, RouteRule } from './rule.ts'

export interface PacSettings {
  /** The proxy that the browser connects to, as in `PROXY 127.0.0.1:8080`. */
  readonly proxy: string
  /** The port of the gateway that this proxy is, as rules name it. */
  readonly listen: RouteQuery['listen']
  /** False: nothing is sent directly, because some users of the port may not connect directly. */
  readonly mayBeDirect: boolean
}

/** Chromium reads no more than 1 MiB (net/proxy_resolution/pac_file_fetcher_impl.cc). */
const MAX_OCTETS = 1_000_000
const ANY_PORT = 0

/** A rule in the form of the file: whether its target is direct, its ports (from, to, from, to... or 0), and its methods. */
type PacRule = readonly [direct: 0 | 1, ports: readonly number[] | 0, method: '' | 'plain' | 'CONNECT']

class PacTable {
  readonly rules: PacRule[] = []
  /** `=name`, `.name` (every host below it), `4/prefix` and `6/prefix` in binary digits, to the rules, ascending. */
  readonly hosts = new Map<string, number[]>()
  readonly keywords: [text: string, rule: number][] = []
  readonly others: number[] = []
  /** Prefix lengths in use. */
  readonly lengths = { 4: new Set<number>(), 6: new Set<number>() }
  /** Its approximate length, octets. */
  octets = 0

  add(rule: PacRule, host: readonly HostPattern[] | undefined): void {
    const number = this.rules.push(rule) - 1
    this.octets += JSON.stringify(rule).length + 1
    if (host === undefined || host.some(({ kind }) => kind === 'any')) this.others.push(number)
    else for (const pattern of host) this.#addHost(pattern, number)
  }

  #addHost(pattern: HostPattern, rule: number): void {
    if (pattern.kind === 'any') return
    const { kind, value } = pattern
    if (kind === 'keyword') this.keywords.push([value, rule])
    else if (kind === 'block') this.#addBlock(value, rule)
    else {
      if (kind !== 'below') this.#append(`=${value}`, rule)
      if (kind !== 'exact') this.#append(`.${value}`, rule)
    }
  }

  #addBlock(block: string, rule: number): void {
    const [address = '', length = ''] = block.split('/')
    const number = addressNumber(address)
    if (number === undefined) return
    const family = number.bits === 32 ? 4 : 6
    this.lengths[family].add(Number(length))
    const digits = number.value.toString(2).padStart(number.bits, '0')
    this.#append(`${family}/${digits.slice(0, Number(length))}`, rule)
  }

  #append(key: string, rule: number): void {
    const rules = this.hosts.get(key)
    if (rules === undefined) this.hosts.set(key, [rule])
    else if (rules.at(-1) !== rule) rules.push(rule)
    this.octets += key.length + String(rule).length + 6
  }
}

/** @returns the file; ASCII */
export function pacFile(rules: readonly RouteRule[], settings: PacSettings): string {
  const table = tableOf(rules, settings)
  return [
    '// Made by Turnpike from routes. What this file cannot decide goes to the gateway, which decides.',
    `var GATEWAY = ${literal(settings.proxy)};`,
    `var RULES = ${literal(table.rules)};`,
    `var HOSTS = ${literal(Object.fromEntries(table.hosts))};`,
    `var KEYWORDS = ${literal(table.keywords)};`,
    `var OTHERS = ${literal(table.others)};`,
    `var LENGTHS = { 4: ${literal([...table.lengths[4]])}, 6: ${literal([...table.lengths[6]])} };`,
    PAC_FUNCTIONS,
  ].join('\n')
}

/** Up to the last rule to `direct`, or as many as fit: hosts without a matching rule in the file go to the gateway. */
function tableOf(rules: readonly RouteRule[], settings: PacSettings): PacTable {
  const table = new PacTable()
  const last = settings.mayBeDirect ? rules.findLastIndex(({ to }) => to.kind === 'direct') : -1
  for (const rule of rules.slice(0, last + 1)) {
    const reduced = reduce(rule, settings)
    if (reduced === undefined) continue
    if (table.octets + octetsOf(rule) > MAX_OCTETS) break
    table.add(reduced, rule.host)
  }
  return table
}

function octetsOf({ host = [], port = [] }: RouteRule): number {
  const hosts = host.reduce((sum, pattern) => sum + ('value' in pattern ? octetsOfPattern(pattern) : 0), 0)
  return hosts + port.length * 12 + 24
}

function octetsOfPattern({ kind, value }: Exclude<HostPattern, { kind: 'any' }>): number {
  const key = value.length + 14
  return kind === 'suffix' ? 2 * key : kind === 'block' ? key + 128 : key
}

/** @returns undefined for a rule that cannot match a request of a browser with this file */
function reduce({ port, user, listen, method, to }: RouteRule, { listen: own }: PacSettings): PacRule | undefined {
  if (listen !== undefined && !listen.some((one) => one === own.port || one === own.name)) return undefined
  const methods = (method ?? ['plain', 'CONNECT']).filter((one) => one !== 'socks')
  const [only] = methods
  if (only === undefined) return undefined
  // The file does not know the user.
  const isDirect = to.kind === 'direct' && user === undefined
  const ports = port === undefined ? ANY_PORT : port.flatMap(({ from, to: end }) => [from, end])
  return [isDirect ? 1 : 0, ports, new Set(methods).size === 1 ? only : '']
}

/** JSON in ASCII: before ECMAScript 2019, U+2028 in a string ends a line. */
function literal(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
