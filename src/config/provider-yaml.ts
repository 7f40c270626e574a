/** A provider's entry for gateway.yaml, made from a pasted link: secrets stand in the environment. */

import { parseAuthority } from '../address.ts'
import type { Secret } from '../secret.ts'
import type { TrialReport } from '../supply/operator/test-source.ts'
import { type LinkReading, readLink, refusalOf } from '../vendors/registry.ts'

interface YamlHelp {
  /** The reply told no life. */
  readonly needsTtl: boolean
  /** A private address came. */
  readonly needsPrivate: boolean
  /** No login came with the addresses. */
  readonly needsLogin: boolean
}

/** Not a recommendation: a bound that a person should look at before it is reached. */
const BUDGET = 'budget: { perHour: 500, perDay: 5000 }     # addresses; set what you can afford'

/** What the reply to a first call says about the entry. */
export function yamlHelp(report: Pick<TrialReport, 'doubts' | 'addresses'> | undefined): YamlHelp {
  return {
    needsTtl: report?.doubts.includes('assumed') ?? false,
    needsPrivate: report?.addresses.some(({ address }) => isPrivateAddress(address)) ?? false,
    needsLogin: report?.addresses.every(({ login }) => login === 'none') ?? true,
  }
}

/** @param authority `host:port`. @returns whether only an entry with allowPrivate may use it */
export function isPrivateAddress(authority: string): boolean {
  const host = parseAuthority(authority, 0)?.host
  return host !== undefined && refusalOf(host, false) !== undefined
}

/** @returns YAML with the commands that its variables need as remarks in front */
export function providerYaml(reading: LinkReading, help: YamlHelp): string {
  const name = reading.vendor?.name ?? 'pasted'
  const { lines, variables } = isWhole(reading) ? tableEntry(reading) : linkEntry(reading)
  const exports = variables.map(([variable, what]) => `# export ${variable}='...'   ${what}`)
  const entry = [
    ...lines,
    ...(help.needsTtl ? ['ttl: 60s     # the reply tells no life: write how long an address really lives'] : []),
    ...(help.needsLogin
      ? ['# upstream: { username: "...", password: "..." }   # unless the proxies know this machine by their whitelist']
      : []),
    ...(help.needsPrivate ? ['allowPrivate: true     # its addresses are private ones'] : []),
    BUDGET,
  ]
  return [...exports, 'providers:', `  - name: ${name}`, ...entry.map((line) => `    ${line}`), ''].join('\n')
}

/**
 * The entry of a pasted link that has been called.
 * @returns null for a link that cannot be read
 */
export function linkYaml(link: PastedLink, report: TrialReport): string | null {
  const reading = readLink(link.url, link.product)
  return reading.kind === 'problem' ? null : providerYaml(reading, yamlHelp(report))
}

interface PastedLink {
  readonly url: Secret
  readonly product: string | undefined
}

interface Entry {
  readonly lines: readonly string[]
  /** Each with where its value stands. */
  readonly variables: readonly (readonly [string, string])[]
}

type TableReading = Extract<LinkReading, { kind: 'table' }>

/** Whether the vendor's own entry says all that the link does. */
function isWhole(reading: LinkReading): reading is TableReading {
  return reading.kind === 'table' && reading.at === undefined && Object.keys(reading.extras).length === 0
}

function tableEntry({ vendor, product, credentials, request, alternatives }: TableReading): Entry {
  const names = Object.keys(credentials)
  const secrets = names.map((name) => `${name}: "\${${variableOf(vendor.name, name)}}"`)
  const parameters = Object.entries(request).map(([name, value]) => `${name}: ${quoted(String(value))}`)
  return {
    lines: [
      `vendor: ${vendor.name}`,
      `product: ${product}${alternatives.length === 0 ? '' : `     # or ${alternatives.join(', ')}: the link does not tell`}`,
      `credentials: { ${secrets.join(', ')} }`,
      ...(parameters.length === 0 ? [] : [`request: { ${parameters.join(', ')} }`]),
    ],
    variables: names.map((name) => [variableOf(vendor.name, name), `${name} of the link`] as const),
  }
}

function linkEntry(reading: LinkReading): Entry {
  const owner = reading.vendor?.name ?? 'pasted'
  const url = variableOf(owner, 'url')
  const isSigned = reading.kind === 'signed'
  const key = isSigned
    ? [`# credentials: { key: "\${${variableOf(owner, 'key')}}" }   # with the key, as many addresses as are needed`]
    : []
  return { lines: [`url: "\${${url}}"`, ...key], variables: [[url, 'the whole link, in single quotes']] }
}

function variableOf(owner: string, name: string): string {
  return `${owner}_${name}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')
}

/** A string of JSON is one of YAML; `${` would be filled from the environment. */
function quoted(text: string): string {
  return JSON.stringify(text.replaceAll('${', '$${'))
}
