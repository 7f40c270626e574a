/** Makes a provider's entry for gateway.yaml from a pasted link. Secrets become variables of the environment. */

import { parseAuthority } from '../address.ts'
import { translate } from '../messages/translate.ts'
import type { Secret } from '../secret.ts'
import type { TrialReport } from '../supply/operator/test-source.ts'
import { type LinkReading, readLink, refusalOf } from '../vendors/registry.ts'

interface YamlHelp {
  /** The reply had no life. */
  readonly needsTtl: boolean
  /** The reply had a private address. */
  readonly needsPrivate: boolean
  /** The addresses had no login. */
  readonly needsLogin: boolean
}

/** Not a recommendation: a limit that the user should review before it is reached. */
const BUDGET = 'budget: { perHour: 500, perDay: 5000 }'

/** What the reply to a first call shows about the entry. */
export function yamlHelp(report: Pick<TrialReport, 'doubts' | 'addresses'> | undefined): YamlHelp {
  return {
    needsTtl: report?.doubts.includes('assumed') ?? false,
    needsPrivate: report?.addresses.some(({ address }) => isPrivateAuthority(address)) ?? false,
    needsLogin: report?.addresses.every(({ login }) => login === 'none') ?? true,
  }
}

/** @param authority `host:port`. @returns whether only an entry with allowPrivate may use it */
export function isPrivateAuthority(authority: string): boolean {
  const host = parseAuthority(authority, 0)?.host
  return host !== undefined && refusalOf(host, false) !== undefined
}

/** @returns YAML with the commands that set its variables as comments in front */
export function providerYaml(reading: LinkReading, help: YamlHelp): string {
  const name = entryName(reading)
  const { lines, variables } = providerEntry(reading, help, { name, variable: (key) => variableOf(name, key) })
  const exports = variables.map(({ variable, what }) => `# export ${variable}='...'   ${what}`)
  return [...exports, 'providers:', ...lines.map((line) => `  ${line}`), ''].join('\n')
}

/** The name of a provider when the user gives none. */
export const entryName = (reading: LinkReading): string => reading.vendor?.name ?? 'pasted'

interface EntryNames {
  readonly name: string
  /** Environment variable for a credential of this name, or for `url`. */
  readonly variable: (key: string) => string
}

/** @returns the entry as a list item without indentation, and the variables that it uses */
export function providerEntry(reading: LinkReading, help: YamlHelp, names: EntryNames): Entry {
  const { lines, variables } = isWhole(reading) ? tableEntry(reading, names) : linkEntry(reading, names)
  const entry = [
    ...lines,
    ...(help.needsTtl
      ? [`ttl: 60s     # ${translate('the reply tells no life: write how long an address really lives')}`]
      : []),
    ...(help.needsLogin
      ? [
          `# upstream: { username: "...", password: "..." }   # ${translate('unless the proxies know this machine by their whitelist')}`,
        ]
      : []),
    ...(help.needsPrivate ? [`allowPrivate: true     # ${translate('its addresses are private ones')}`] : []),
    `${BUDGET}     # ${translate('addresses; set what you can afford')}`,
  ]
  return { lines: [`- name: ${names.name}`, ...entry.map((line) => `  ${line}`)], variables }
}

/**
 * The entry of a pasted link that has been called.
 * @returns null for a link that cannot be read
 */
export function linkYaml(link: PastedLink, report: TrialReport): string | null {
  const reading = readLink(link.url, link.product)
  return reading.kind === 'problem' ? null : providerYaml(reading, yamlHelp(report))
}

/** A link that is tried and is in no configuration. */
export interface PastedLink {
  readonly url: Secret
  readonly product: string | undefined
}

export interface Entry {
  readonly lines: readonly string[]
  readonly variables: readonly EntryVariable[]
}

interface EntryVariable {
  readonly variable: string
  /** The place of its value, for the user. */
  readonly what: string
  /** Undefined: the whole link. */
  readonly value: Secret | undefined
}

type TableReading = Extract<LinkReading, { kind: 'table' }>

/** Whether the entry of the vendor can express everything that the link says. */
function isWhole(reading: LinkReading): reading is TableReading {
  return reading.kind === 'table' && reading.at === undefined && Object.keys(reading.extras).length === 0
}

function tableEntry(
  { vendor, product, credentials, request, alternatives }: TableReading,
  { variable }: EntryNames,
): Entry {
  const secrets = Object.keys(credentials).map((name) => `${name}: "\${${variable(name)}}"`)
  const parameters = Object.entries(request).map(([name, value]) => `${name}: ${quoted(String(value))}`)
  return {
    lines: [
      `vendor: ${vendor.name}`,
      `product: ${product}${alternatives.length === 0 ? '' : `     # ${translate('or {names}: the link does not tell', { names: alternatives.join(', ') })}`}`,
      `credentials: { ${secrets.join(', ')} }`,
      ...(parameters.length === 0 ? [] : [`request: { ${parameters.join(', ')} }`]),
    ],
    variables: Object.entries(credentials).map(([name, value]) => ({
      variable: variable(name),
      what: translate('{name} of the link', { name }),
      value,
    })),
  }
}

function linkEntry(reading: LinkReading, { variable }: EntryNames): Entry {
  const url = variable('url')
  const key =
    reading.kind === 'signed'
      ? [
          `# credentials: { key: "\${${variable('key')}}" }   # ${translate('with the key, as many addresses as are needed')}`,
        ]
      : []
  return {
    lines: [`url: "\${${url}}"`, ...key],
    variables: [{ variable: url, what: translate('the whole link, in single quotes'), value: undefined }],
  }
}

/** `QG_A_KEY` for the credential `key` of the provider `qg-a`. */
export function variableOf(owner: string, name: string): string {
  return `${owner}_${name}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')
}

/** A JSON string is also a YAML string; `${` would be replaced from the environment. */
function quoted(text: string): string {
  return JSON.stringify(text.replaceAll('${', '$${'))
}
