/** The schema of `routes:` and `groups:`. A rule is a map, or one line in the format of other proxies (Clash, Surge). */
import { isIP, isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { canonicalHost } from '../routes/host.ts'
import type { HostPattern, PortRange, RouteRule, RouteTarget } from '../routes/rule.ts'
import { cidr, filePath, hostPattern, integer, orEnvironment, refuse, someOf, text } from './fields.ts'
import { providerName } from './names.ts'

/** One value or a list of them. */
const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, someOf(item)]).transform((value) => (Array.isArray(value) ? value : [value]) as z.infer<T>[])

const TARGET_HELP = 'write where it goes: provider NAME, group NAME, direct or block'

/** `provider x`, `group x`, `direct`, `block`; also DIRECT and REJECT, as other proxies write them. */
function readTarget(written: string): RouteTarget | undefined {
  const [, kind = '', name] = /^(\S+)(?:\s+(\S+))?$/.exec(written.trim()) ?? []
  const word = kind.toLowerCase()
  if (name !== undefined) return word === 'provider' || word === 'group' ? { kind: word, name } : undefined
  if (word === 'direct') return { kind: 'direct' }
  return word === 'block' || word === 'reject' ? { kind: 'block' } : undefined
}

const target = () =>
  z
    .string()
    .transform((value, ctx) => readTarget(value) ?? refuse(ctx, TARGET_HELP))
    .meta({ examples: ['provider juliang', 'group china', 'direct', 'block'] })

/** A name, `*.name`, `*`, an address or a block of addresses. */
const host = () =>
  z
    .string()
    .transform((value, ctx): HostPattern => {
      if (value.includes('/')) {
        const block = cidr().safeParse(value)
        return block.success ? toBlock(block.data) : refuse(ctx, blockHelp)
      }
      const pattern = hostPattern().safeParse(value)
      return pattern.success ? toPattern(pattern.data) : refuse(ctx, hostHelp)
    })
    .meta({ examples: ['www.example.com', '*.example.com', '10.0.0.0/8'] })

const blockHelp = 'write a block of addresses, as in 10.0.0.0/8 or fd00::/8'
const hostHelp = 'write a host, as in www.example.com, *.example.com, *, 192.0.2.7 or 10.0.0.0/8'

function toPattern(pattern: string): HostPattern {
  if (pattern === '*') return { kind: 'any' }
  if (pattern.startsWith('*.')) return { kind: 'below', value: pattern.slice(2) }
  return { kind: 'exact', value: canonicalHost(pattern) }
}

function toBlock(block: string): HostPattern {
  const [written = '', length = ''] = block.split('/')
  const address = canonicalHost(written)
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter prefix covers more than IPv4 addresses and is not changed.
  if (!isIPv4(address) || isIPv4(written)) return { kind: 'block', value: `${address}/${length}` }
  return Number(length) < 96
    ? { kind: 'block', value: `::ffff:0:0/${length}` }
    : { kind: 'block', value: `${address}/${Number(length) - 96}` }
}

const portHelp = 'write a port or a range of ports, as in 443 or 8000-8999'

function readPorts(written: string): PortRange | undefined {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(written.trim()) ?? []
  const [from, to] = [Number(first), Number(last)]
  return first !== undefined && from >= 1 && from <= to && to <= 65_535 ? { from, to } : undefined
}

const ports = () =>
  z
    .union([z.int(), z.string()])
    .transform((value, ctx): PortRange => readPorts(String(value)) ?? refuse(ctx, portHelp))
    .meta({ examples: [443, '8000-8999'] })

const ruleKeys = () =>
  z.strictObject({
    host: oneOrMore(host()).optional().meta({
      description: 'Target hosts: a name, *.name (every host below it), an address, a block of addresses, or *.',
    }),
    hosts: filePath().optional().meta({
      description: 'A file of target hosts, one a line: the name and every host below it, or an address or block.',
    }),
    port: oneOrMore(ports()).optional().meta({ description: 'Target ports, as in 443 or 8000-8999.' }),
    user: oneOrMore(text({ maxBytes: 255 }))
      .optional()
      .meta({ description: 'Account names.' }),
    listen: oneOrMore(z.union([integer(0, 65_535), text({ maxBytes: 64 })]))
      .optional()
      .meta({ description: 'Ports of the gateway, by number or by listen[].name.' }),
    method: oneOrMore(z.enum(['CONNECT', 'plain', 'socks']))
      .optional()
      .meta({ description: 'CONNECT, plain (absolute-form HTTP) or socks.' }),
    to: target().meta({ description: 'provider NAME, group NAME, direct or block.' }),
    allowPrivate: z.boolean().optional().meta({
      description: 'For direct: loopback and private targets too, although the rule does not name them.',
    }),
  })

const LINE_HELP =
  'write DOMAIN,name,TARGET, DOMAIN-SUFFIX,name,TARGET, DOMAIN-KEYWORD,text,TARGET, IP-CIDR,block,TARGET, DST-PORT,port,TARGET or MATCH,TARGET'

/** The rule lines of Clash, Surge and similar programs. */
const ruleLine = () =>
  z
    .string()
    .transform((line, ctx): RouteRule => {
      const parts = line.split(',').map((part) => part.trim())
      // Clash allows `no-resolve` after an address block; rules here never resolve names.
      const written = parts.at(-1)?.toLowerCase() === 'no-resolve' ? parts.slice(0, -1) : parts
      const [kind = ''] = written
      const isMatch = kind.toUpperCase() === 'MATCH'
      if (written.length !== (isMatch ? 2 : 3)) return refuse(ctx, LINE_HELP)
      const to = readTarget(written.at(-1) ?? '') ?? refuse(ctx, TARGET_HELP)
      const criterion = isMatch ? {} : readCriterion(kind.toUpperCase(), written[1] ?? '')
      if (typeof criterion === 'string') return refuse(ctx, criterion)
      return { ...criterion, to }
    })
    .meta({
      pattern: orEnvironment('(?:DOMAIN|DOMAIN-SUFFIX|DOMAIN-KEYWORD|IP-CIDR|IP-CIDR6|DST-PORT),.+,.+|MATCH,.+'),
      examples: ['DOMAIN-SUFFIX,example.com,provider juliang', 'MATCH,group china'],
    })

/** @returns the criterion, or what is wrong with it */
function readCriterion(kind: string, value: string): Omit<RouteRule, 'to'> | string {
  switch (kind) {
    case 'DOMAIN':
    case 'DOMAIN-SUFFIX': {
      const pattern = hostPattern().safeParse(value)
      if (!pattern.success || pattern.data.startsWith('*')) return `${kind} takes a name, as in www.example.com`
      return { host: [{ kind: kind === 'DOMAIN' ? 'exact' : 'suffix', value: canonicalHost(pattern.data) }] }
    }
    case 'DOMAIN-KEYWORD':
      if (!/^[\w.-]+$/.test(value)) return 'DOMAIN-KEYWORD takes a part of a name: letters, digits, dots, hyphens'
      return { host: [{ kind: 'keyword', value: value.toLowerCase() }] }
    case 'IP-CIDR':
    case 'IP-CIDR6': {
      const block = cidr().safeParse(value)
      return block.success ? { host: [toBlock(block.data)] } : `${kind}: ${blockHelp}`
    }
    case 'DST-PORT': {
      const range = readPorts(value)
      return range === undefined ? `DST-PORT: ${portHelp}` : { port: [range] }
    }
    default:
      return LINE_HELP
  }
}

/** `routes:` */
export const routes = () => z.array(z.union([ruleLine(), ruleKeys()]))

const memberKeys = () =>
  z.strictObject({
    provider: providerName().optional().meta({ description: 'A provider, or instead of it' }),
    group: providerName().optional().meta({ description: 'another group.' }),
    priority: integer(0, 1_000).default(1).meta({ description: 'The lowest serves first.' }),
    weight: integer(1, 1_000).default(1).meta({ description: 'Share among members of the same priority.' }),
  })

const memberHelp = 'write keys, exactly one of them provider or group'

const member = () =>
  z.union([
    providerName().transform((name) => ({ kind: 'provider' as const, name, priority: 1, weight: 1 })),
    memberKeys().transform(({ provider, group, priority, weight }, ctx) => {
      const name = provider ?? group
      if (name === undefined || (provider !== undefined && group !== undefined)) return refuse(ctx, memberHelp)
      return { kind: provider === undefined ? ('group' as const) : ('provider' as const), name, priority, weight }
    }),
  ])

const fallback = () =>
  target()
    .transform((to, ctx) =>
      'name' in to ? to : refuse(ctx, 'a fallback is provider NAME or group NAME: only a rule leads to direct'),
    )
    .meta({ examples: ['provider overseas', 'group overseas'] })

/** One of `groups:`. */
export const group = () =>
  z.strictObject({
    name: providerName().meta({ description: 'Your name for this group.' }),
    members: someOf(member()).meta({ description: 'Providers by name, or { provider or group, priority, weight }.' }),
    fallback: fallback().optional().meta({ description: 'provider NAME or group NAME: serves when no member can.' }),
  })

/** One line of a host file. @returns undefined for an invalid line */
export function readHostLine(line: string): HostPattern | undefined {
  if (line.includes('/')) {
    const block = cidr().safeParse(line)
    return block.success ? toBlock(block.data) : undefined
  }
  if (isIP(line) !== 0) return { kind: 'exact', value: canonicalHost(line) }
  const below = line.startsWith('*.')
  // Zone files write names with a dot at the end (RFC 1035 section 5.1).
  const name = domainToASCII(line.replace(/^(\*\.|\.)/, ''))
    .toLowerCase()
    .replace(/\.$/, '')
  if (!/^(?=.{1,253}$)[\w-]{1,63}(\.[\w-]{1,63})*$/.test(name) || /^[\d.]+$/.test(name)) return undefined
  return { kind: below ? 'below' : 'suffix', value: name }
}
