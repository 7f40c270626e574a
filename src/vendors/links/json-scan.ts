/** Addresses, errors and balances in JSON or XML of unknown shape. */
import { isIP } from 'node:net'
import { Secret } from '../../secret.ts'
import type { Life } from '../contract.ts'
import { countOf, type Endpoint, membersOf, shapeOf, textOf } from '../parse/reply.ts'
import { endpointIn, type Found, toFound } from './candidates.ts'
import { addressesIn } from './text.ts'
import { lifeIn } from './times.ts'

export interface TreeFindings {
  readonly found: readonly Found[]
  readonly rejected: readonly string[]
  /** What the vendor says is left, where it says so. */
  readonly balance: number | undefined
}

/** Lists within lists within envelopes: real ones have up to four. */
const MAX_DEPTH = 12
const MAX_FOUND = 20_000
const MAX_REJECTED = 100

/** Names without case and hyphens: `expire_time`, `expireTime` and `ExpireTime` are one. */
type Fields = ReadonlyMap<string, string>

function fieldsOf(members: Readonly<Record<string, unknown>>): Fields {
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(members)) {
    const text = textOf(value)
    if (text !== undefined) fields.set(plainName(name), text)
  }
  return fields
}

const plainName = (name: string): string => name.toLowerCase().replace(/[_\-. ]/g, '')

function first(fields: Fields, names: readonly string[]): string | undefined {
  return names.map((name) => fields.get(name)).find((text) => text !== undefined)
}

// --- Addresses ----------------------------------------------------------------------------------------------------

/** Where to connect, the surest name first: beside `server` or `host` an `ip` is what targets see. */
const HOSTS = [
  'server',
  'host',
  'hostname',
  'domain',
  'gateway',
  'endpoint',
  'proxy',
  'proxyaddress',
  'proxyurl',
  'address',
  'addr',
  'url',
  'ipport',
  'ip',
  'ipaddress',
  'ipaddr',
  'proxyip',
  'proxyhost',
  'node',
]
const PORTS = ['port', 'proxyport', 'httpport', 'httpsport', 'socks5port', 'sockport', 'socksport', 'ports']
const EXITS = ['exitip', 'exit', 'outip', 'outboundip', 'realip', 'egressip', 'exportip', 'publicip', 'proxyip', 'ip']
const USERS = ['username', 'user', 'account', 'httpuser', 'authuser', 'proxyuser', 'proxyusername', 'login', 'uname']
const PASSWORDS = ['password', 'pass', 'passwd', 'pwd', 'httppass', 'authpass', 'authpwd', 'proxypass', 'proxypassword']
const ENDS = [
  'deadline',
  'expiretime',
  'expireat',
  'expiredat',
  'expiresat',
  'expirestime',
  'expiredtime',
  'expiration',
  'expirationtime',
  'expirydate',
  'expiry',
  'expires',
  'expire',
  'endtime',
  'validuntil',
  'invalidtime',
  'duetime',
  'ttl',
  'ipremain',
  'remain',
  'remaintime',
  'remainingtime',
  'remaining',
  'lefttime',
  'timeleft',
  'lifetime',
  'expirein',
  'expiresin',
  'seconds',
  'validtime',
  'alivetime',
  'survivaltime',
]
const AREAS = [
  'area',
  'region',
  'province',
  'provincename',
  'prov',
  'state',
  'location',
  'areaname',
  'regionname',
  'place',
]
const CITIES = ['city', 'cityname']
const COUNTRIES = ['country', 'countrycode', 'cc', 'countryname']
const CARRIERS = ['isp', 'ispname', 'carrier', 'operator', 'line', 'network']
const PROTOCOLS = ['protocol', 'scheme', 'proxytype', 'type']

/** Single texts under these names are no address for sale: they are about us, or words. */
const ELSEWHERE =
  /^((client|remote|your|caller|local|request|current|source)(ip|addr|address|host)?|msg|message|errmsg|errormsg|error|err|info|desc|description|detail|tips|doc|docs|help|callback)$/

/** Looks through everything for texts that are addresses, and for objects with a host and a port. */
export function searchTree(tree: unknown): TreeFindings {
  const search = new Search()
  search.visit(tree, '', 0, false)
  return search
}

class Search implements TreeFindings {
  readonly found: Found[] = []
  readonly rejected: string[] = []
  balance: number | undefined

  visit(value: unknown, name: string, depth: number, isListed: boolean): void {
    if (depth > MAX_DEPTH || this.found.length > MAX_FOUND) return
    const text = textOf(value)
    if (text !== undefined) this.#text(text, name, isListed)
    else if (Array.isArray(value)) this.#list(value as unknown[], name, depth)
    else this.#object(membersOf(value) ?? {}, depth, isListed)
  }

  #text(text: string, name: string, isListed: boolean): void {
    if (!isListed && ELSEWHERE.test(name)) return
    const { found, rejected } = addressesIn(text)
    this.found.push(...found)
    if (isListed || found.length > 0) this.#reject(rejected)
  }

  #list(list: readonly unknown[], name: string, depth: number): void {
    // ["203.0.113.7", 8080] is one address.
    const [host, port] = list.map(textOf)
    const isPair = list.length === 2 && host !== undefined && !/[:,\s]/.test(host) && /^\d{1,5}$/.test(port ?? '')
    const pair = isPair ? endpointIn(`${host}:${port}`) : undefined
    if (pair !== undefined) this.found.push(toFound(pair, {}))
    else for (const member of list) this.visit(member, name, depth + 1, true)
  }

  #object(members: Readonly<Record<string, unknown>>, depth: number, isListed: boolean): void {
    const fields = fieldsOf(members)
    const item = itemIn(fields)
    if (item !== undefined) return void this.found.push(item)
    this.balance ??= balanceIn(fields)
    const before = this.found.length
    for (const [name, member] of Object.entries(members)) this.visit(member, plainName(name), depth + 1, false)
    if (isListed && this.found.length === before && fields.size > 0)
      this.#reject([`an object with ${namesOf(members)} and without host and port`])
  }

  #reject(reasons: readonly string[]): void {
    this.rejected.push(...reasons.slice(0, MAX_REJECTED - this.rejected.length))
  }
}

/** Names of members are a stranger's words too, and a map may have logins for names. */
function namesOf(members: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(members).slice(0, 6)
  return names.map((name) => (/^\w{1,24}$/.test(name) ? name : shapeOf(name))).join(', ')
}

function itemIn(fields: Fields): Found | undefined {
  const endpoint = endpointOf(fields)
  if (endpoint === undefined) return undefined
  const exit = EXITS.map((name) => fields.get(name)).find(
    (text) => text !== undefined && isIP(text) !== 0 && text !== endpoint.host,
  )
  const [username, password] = [first(fields, USERS), first(fields, PASSWORDS)]
  const [area, city, country, isp] = [AREAS, CITIES, COUNTRIES, CARRIERS].map((names) => first(fields, names))
  const protocol = protocolOf(fields)
  const facts = {
    life: lifeOf(fields),
    ...(exit === undefined ? {} : { exit }),
    ...(username === undefined ? {} : { username }),
    ...(username === undefined || password === undefined ? {} : { password: new Secret(password) }),
    ...(area === undefined ? {} : { area }),
    ...(city === undefined ? {} : { city }),
    ...(isp === undefined ? {} : { isp }),
  }
  return {
    ...toFound(endpoint, facts),
    ...(endpoint.protocol === undefined && protocol !== undefined ? { protocol } : {}),
    ...(country === undefined ? {} : { country }),
  }
}

/** A member that holds a whole address beats a host and a port apart. */
function endpointOf(fields: Fields): Endpoint | undefined {
  const hosts = HOSTS.flatMap((name) => fields.get(name) ?? [])
  const whole = hosts.map(endpointIn).find((endpoint) => endpoint !== undefined)
  if (whole !== undefined) return whole
  const port = first(fields, PORTS)
  if (port === undefined) return undefined
  return hosts
    .map((host) => endpointIn(`${host.includes(':') && !host.includes('/') ? `[${host}]` : host}:${port}`))
    .find((endpoint) => endpoint !== undefined)
}

function protocolOf(fields: Fields): Found['protocol'] {
  const said = first(fields, PROTOCOLS) ?? ''
  if (/^socks(5h?)?$/i.test(said)) return 'socks5'
  // `https` usually means that HTTPS sites can be reached, not that the proxy speaks TLS.
  if (/^https?$/i.test(said)) return 'http'
  return ['socks5port', 'sockport', 'socksport'].some((name) => fields.has(name)) &&
    !fields.has('port') &&
    !fields.has('httpport')
    ? 'socks5'
    : undefined
}

function lifeOf(fields: Fields): Life {
  for (const name of ENDS) {
    const text = fields.get(name)
    const life = text === undefined ? undefined : lifeIn(text)
    if (life !== undefined) return life
  }
  return { kind: 'unknown' }
}

function balanceIn(fields: Fields): number | undefined {
  return countOf(
    first(fields, ['surplusquantity', 'surplus', 'balance', 'orderleftcount', 'leftcount', 'leftnum', 'restnum']),
  )
}

// --- Errors -------------------------------------------------------------------------------------------------------

export interface Said {
  readonly code: string | undefined
  readonly words: string
}

const CODES = [
  'code',
  'errcode',
  'errorcode',
  'errno',
  'statuscode',
  'retcode',
  'ret',
  'status',
  'state',
  'error',
  'err',
  'success',
]
const WORDS = [
  'msg',
  'message',
  'errmsg',
  'errormsg',
  'errormessage',
  'errordescription',
  'info',
  'desc',
  'description',
  'detail',
  'details',
  'reason',
  'tips',
  'error',
  'err',
]
/** Members in which an envelope may be wrapped. */
const WRAPS = ['error', 'result', 'response', 'data', 'root', 'xml']

/** Code and message of an envelope; undefined where the reply is none. */
export function saidIn(tree: unknown, depth = 0): Said | undefined {
  const members = membersOf(Array.isArray(tree) && tree.length === 1 ? (tree as unknown[])[0] : tree)
  if (members === undefined || depth > 2) return undefined
  const fields = fieldsOf(members)
  const code = first(fields, CODES) ?? booleanIn(members)
  const words = first(fields, WORDS)
  if (words !== undefined) return { code: code === words || code === 'false' ? undefined : code, words }
  const wraps = Object.entries(members).filter(
    ([name]) => depth > 0 || WRAPS.includes(plainName(name)) || Object.keys(members).length === 1,
  )
  const inner = wraps.map(([, member]) => saidIn(member, depth + 1)).find((said) => said !== undefined)
  if (inner !== undefined) return { code: inner.code ?? code, words: inner.words }
  return code === undefined ? undefined : { code, words: '' }
}

function booleanIn(members: Readonly<Record<string, unknown>>): string | undefined {
  const entry = Object.entries(members).find(
    ([name, value]) => plainName(name) === 'success' && typeof value === 'boolean',
  )
  return entry === undefined ? undefined : String(entry[1])
}
