/** The configurations that the package holds under config/examples/, as a choice of vendors and products. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vendorNames } from '../vendors/registry.ts'

export interface Example {
  readonly vendor: string
  /** Product, or the company for vendors that are described in YAML; empty where there is one choice only. */
  readonly product: string
  readonly file: string
}

/** Two folders up from src/cli as from dist/cli. */
const CONFIG = fileURLToPath(new URL('../../config/', import.meta.url))
const SCHEMA = join(CONFIG, 'gateway.schema.json')

/** Files that are about something else than a vendor. */
const NO_VENDOR = new Set(['browser', 'routes', 'sidecar'])
/** Files with a name of their own. */
const NAMED: Readonly<Record<string, Pick<Example, 'vendor' | 'product'>>> = {
  demo: { vendor: 'demo', product: '' },
  'pasted-link': { vendor: 'link', product: '' },
  'static-list': { vendor: 'static', product: '' },
}

/** Sorted by vendor and product; the demo vendor first, because it needs no account. */
export function listExamples(): readonly Example[] {
  const found = readdirSync(join(CONFIG, 'examples')).flatMap((name): Example[] => {
    const title = /^(.+)\.yaml$/.exec(name)?.[1]
    if (title === undefined || NO_VENDOR.has(title)) return []
    const file = join(CONFIG, 'examples', name)
    const named = NAMED[title]
    if (named !== undefined) return [{ ...named, file }]
    // The longest name: qg-legacy-shared is for qg-legacy, not for qg.
    const vendor = vendorNames.filter((each) => title.startsWith(`${each}-`)).toSorted((a, b) => b.length - a.length)[0]
    return vendor === undefined ? [] : [{ vendor, product: title.slice(vendor.length + 1), file }]
  })
  const rank = ({ vendor }: Example) => (vendor === 'demo' ? 0 : 1)
  return found.toSorted(
    (a, b) => rank(a) - rank(b) || a.vendor.localeCompare(b.vendor) || a.product.localeCompare(b.product),
  )
}

/** Text of an example for a file elsewhere. */
export function exampleText({ file }: Example, target: string): string {
  return readFileSync(file, 'utf8').replace(/^# yaml-language-server: .*$/m, schemaLine(target))
}

/** The first line of a configuration: editors find the JSON schema by it. */
export function schemaLine(target: string): string {
  const path = relative(dirname(resolve(target)), SCHEMA)
  return `# yaml-language-server: $schema=${path.startsWith('.') ? path : `./${path}`}`
}
