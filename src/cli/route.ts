/** `turnpike route`: shows which rule of the configuration matches a target, and its result. Nothing is connected. */
import { readFileSync } from 'node:fs'
import { isNode } from 'yaml'
import { parseAuthority, toTarget } from '../address.ts'
import { UsageError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { locate } from '../config/locate.ts'
import type { Config } from '../config/schema.ts'
import { readYamlText } from '../config/yaml-text.ts'
import { translate } from '../messages/translate.ts'
import type { Tier } from '../routes/groups.ts'
import { type RouteDecision, RouteTable } from '../routes/route-table.ts'
import { formatRouteTarget, type RouteMethod, type RouteTarget } from '../routes/rule.ts'
import { padEnd } from './table.ts'

export interface RouteOptions {
  readonly user?: string
  /** Number or name of a port of the gateway; the first one when left out. */
  readonly listen?: string
  readonly method: RouteMethod
}

type Listener = Config['listen'][number]

/** The port of HTTPS, the usual target. */
const DEFAULT_PORT = 443
/** In columns of the terminal. */
const TITLE_WIDTH = 10

/**
 * @param target HOST or HOST:PORT; 443 when no port is given
 * @returns what to print
 * @throws {ConfigError} with every mistake of the file; {UsageError} for an invalid target or an unknown port of the gateway
 */
export function route(file: string, environment: Environment, target: string, options: RouteOptions): string {
  const config = loadConfig(file, environment)
  const address = parseAuthority(
    target.includes('::') && !target.startsWith('[') ? `[${target}]` : target,
    DEFAULT_PORT,
  )
  if (address === undefined)
    throw new UsageError(
      translate('{target} is no target: write HOST or HOST:PORT', { target: JSON.stringify(target) }),
    )
  const listener = portOf(config, options.listen)
  const { host, port } = address
  const { user, method } = options
  const listen = { port: listener.port, name: listener.name }
  const own = listener.users?.find(({ name }) => name === user)?.providers
  const table = new RouteTable(config, () => true)
  const may = own && ((name: string) => own.includes(name))
  const decision = table.decide({ host, port, user, listen, method }, { share: 0, may })
  const facts = { target: toTarget(address).authority, method, port: listen.port }
  const lines = [`${translate('{target} by {method}, at port {port}', facts)}${userText(user)}`]
  if (decision === undefined) return [...lines, ...withoutRule(config, listener, own), ''].join('\n')
  const { rule } = decision
  const places = [titled(translate('rule {number}', { number: rule + 1 }), place(file, rule))]
  const to = config.routes[rule]?.to
  const end = isRefused(decision, own)
    ? [refused(own)]
    : destination(decision, to, to === undefined ? [] : table.tiersOf(to, may))
  return [...lines, ...places, ...end, ''].join('\n')
}

/** Providers that the user is limited to; undefined: all. */
type Own = readonly string[] | undefined

/** Whether the rule leads only to what the user may not use, as the router sees it. */
function isRefused(decision: RouteDecision, own: Own): boolean {
  if (decision.kind === 'direct') return own !== undefined && !decision.namesUser
  return decision.kind === 'providers' && decision.all.length === 0
}

function refused(own: Own): string {
  const providers = own?.join(', ') ?? ''
  return leadsTo(
    translate('nothing: this user may use only {providers}, and is answered 403 GW_PROVIDER_NOT_ALLOWED', {
      providers,
    }),
  )
}

function userText(user: string | undefined): string {
  return user === undefined ? '' : translate(', user {name}', { name: user })
}

function portOf(config: Config, wanted: string | undefined): Listener {
  const found = config.listen.find(
    ({ port, name }) => wanted === undefined || wanted === name || wanted === String(port),
  )
  if (found === undefined)
    throw new UsageError(
      translate('--listen {port}: no port of the gateway has this number or name', { port: wanted ?? '' }),
    )
  return found
}

function withoutRule(config: Config, { provider: byDefault }: Listener, own: Own): string[] {
  const why = config.routes.length === 0 ? translate('the configuration has no routes') : translate('no rule matches')
  return [
    `  ${why}`,
    byDefault !== undefined && own?.includes(byDefault) === false ? refused(own) : anyOf(byDefault, own),
  ]
}

function anyOf(byDefault: string | undefined, own: Own): string {
  if (byDefault !== undefined) return leadsTo(translate('provider {name} (of this port)', { name: byDefault }))
  if (own === undefined) return leadsTo(translate('any provider'))
  return leadsTo(translate('provider {name} (of this user)', { name: own.join(', ') }))
}

const titled = (title: string, text: string) => `  ${padEnd(title, TITLE_WIDTH)}${text}`
const leadsTo = (words: string) => titled(translate('leads to'), words)

function destination(decision: RouteDecision, to: RouteTarget | undefined, tiers: readonly Tier[]): string[] {
  if (decision.kind === 'direct') {
    const words = translate('direct: the target sees the address of this machine')
    return [leadsTo(decision.allowPrivate ? words : `${words}${translate('; refused where it is a private address')}`)]
  }
  if (decision.kind === 'block' || to === undefined)
    return [leadsTo(translate('block: the client is answered 403 GW_TARGET_BLOCKED'))]
  const first = leadsTo(formatRouteTarget(to))
  if (to.kind === 'provider') return [first]
  return [
    first,
    ...tiers.map((tier, n) => {
      const members = tier.map(({ provider, weight }) =>
        translate('{provider} (weight {weight})', { provider, weight: Math.round(weight * 100) / 100 }),
      )
      return titled(n === 0 ? translate('first') : translate('else'), members.join(', '))
    }),
  ]
}

/** `gateway.yaml:12: DOMAIN-SUFFIX,example.com,block`: the place and the first line of the rule; it may have more lines. */
function place(file: string, number: number): string {
  const source = readFileSync(file, 'utf8')
  const text = readYamlText(source)
  if (!text.readable) return file
  const { line } = text.place(locate(text.document, ['routes', number], 'value'))
  const node = text.document.getIn(['routes', number], true)
  const [from, to] = (isNode(node) && node.range) || [0, 0]
  return `${file}:${line}: ${source.slice(from, to).split(/\r?\n/)[0]?.trim() ?? ''}`
}
