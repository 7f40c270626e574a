/** What a pasted link is, for people: nothing of it that is a secret. */
import type { LinkReading } from '../vendors/registry.ts'

export interface LinkFacts {
  readonly vendor: string | null
  readonly product: string | null
  readonly host: string
  /** What else it may be for. */
  readonly alternatives: readonly string[]
  /** How it is used: the vendor's table with the link's account, the link as it is, or as it is and its reply sniffed. */
  readonly use: 'table' | 'as it is' | 'as it is, reply sniffed'
  /** Names of the credentials that it holds. */
  readonly credentials: readonly string[]
  /** Parameters that stay. */
  readonly request: Readonly<Record<string, string>>
  /** Names of those that the vendor's document does not know: they stay too. */
  readonly extras: readonly string[]
  /** Names of those that are left out. */
  readonly leftOut: readonly string[]
  /** Addresses of one call, where the link alone decides. */
  readonly batchSize: number | null
  /** The file under config/examples that shows an entry for this host. */
  readonly example: string | null
}

/** Vendors without a table that an example covers, by the domain of their API. */
const EXAMPLES: Readonly<Record<string, string>> = {
  'kdlapi.com': 'generic-kuaidaili.yaml',
  'xiaoxiangdaili.com': 'generic-xiaoxiang.yaml',
  'zhimacangku.com': 'generic-zhima.yaml',
}

function exampleFor(host: string): string | null {
  const domain = Object.keys(EXAMPLES).find((name) => host === name || host.endsWith(`.${name}`))
  return domain === undefined ? null : `config/examples/${EXAMPLES[domain]}`
}

export function factsOf(reading: LinkReading): LinkFacts {
  const { host, alternatives } = reading
  const common = {
    host,
    alternatives,
    credentials: [],
    request: {},
    extras: [],
    leftOut: [],
    batchSize: null,
    example: null,
  }
  if (reading.kind === 'unknown')
    return {
      ...common,
      vendor: reading.vendor?.name ?? null,
      example: exampleFor(host),
      product: null,
      use: 'as it is, reply sniffed',
      batchSize: reading.count ?? null,
    }
  const { vendor, product } = reading
  const known = { ...common, vendor: vendor.name, product }
  if (reading.kind === 'signed') {
    const credentials = Object.entries(reading.form.credentials).filter(
      ([, name]) => reading.params[name] !== undefined,
    )
    return { ...known, use: 'as it is', credentials: credentials.map(([name]) => name), batchSize: reading.count ?? 1 }
  }
  const request = Object.fromEntries(Object.entries(reading.request).map(([name, value]) => [name, String(value)]))
  const { credentials, extras, leftOut } = reading
  return {
    ...known,
    use: 'table',
    credentials: Object.keys(credentials),
    request,
    extras: Object.keys(extras),
    leftOut,
  }
}

/** A vendor's page is copied with its label (`API 链接：https://...`), or with quotes around the link. */
export function linkIn(text: string): string | undefined {
  return /https?:\/\/[^\s"'<>“”‘’，。；、（）【】]+/i.exec(text)?.[0]
}
