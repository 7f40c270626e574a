/** Every key of the configuration, made from its schema: the rows of docs/configuration.md. */
import { isSame } from '../same.ts'
import { schemaText } from './write-schema.ts'

export interface KeyRow {
  /** As written in the table: `providers[].budget.perHour`. */
  readonly key: string
  /** Empty where there is none. */
  readonly fallback: string
  /** In English, without the list of permitted words. */
  readonly meaning: string
  /** The permitted words; empty when the value is not one of a few words. */
  readonly choices: readonly unknown[]
  /** Distinguishes rows of the same key: the kind of provider that has it. */
  readonly kind: string
}

/** What the schema does not say and a reader must know. */
const NOTES: Readonly<Record<string, string>> = {
  'providers[].lowStock':
    'Only if the vendor reports the balance: juliangip, qg (share products), smartproxy (MB under the limits of proxy accounts), ipipv, generic.',
}

/** The names themselves are in docs/vendors/README.md, which a test of the registry keeps complete. */
const VENDOR = 'The vendor of the addresses; docs/vendors/README.md lists them.'
/** Described in docs/vendors/README.md, vendor by vendor. */
const VENDORS_OWN = new Set(['providers[].credentials', 'providers[].request'])

interface Node {
  readonly $ref?: string
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Node>>
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly definitions?: Readonly<Record<string, Node>>
}

/** Every key without keys below it, in the order of the schema. */
export function keyRows(): KeyRow[] {
  const schema = JSON.parse(schemaText()) as Node
  return new Walk(schema).rows
}

class Walk {
  readonly rows: KeyRow[] = []
  readonly #schema: Node

  constructor(schema: Node) {
    this.#schema = schema
    for (const [name, node] of Object.entries(schema.properties ?? {})) this.#visit(this.#resolve(node), name)
  }

  #visit(node: Node, path: string, kind = ''): void {
    const members = this.#objectsIn(node)
    const isList = members.length === 0 && this.#objectsIn(this.#resolve(node.items)).length > 0
    const key = isList ? `${path}[]` : path
    const inside = isList ? this.#objectsIn(this.#resolve(node.items)) : members
    if (key === 'providers[]') return void this.#providers(inside)
    const isOptional = inside.length > 0 && node.default !== undefined && typeof node.default !== 'object'
    if (inside.length === 0 || isOptional || VENDORS_OWN.has(key)) this.#row(key, node, kind)
    if (VENDORS_OWN.has(key)) return
    for (const [name, member] of namesIn(inside)) this.#visit(this.#resolve(member), `${key}.${name}`, kind)
  }

  /** Provider keys: those that all share, and those of each kind. Keys of a single product, a generic table or a gateway are described in docs/vendors. */
  #providers(kinds: readonly Node[]): void {
    const vendorOf = (kind: Node) => String(this.#resolve(kind.properties?.['vendor']).const)
    const [statics, demos, links, sold] = [
      kinds.filter((kind) => vendorOf(kind) === 'static'),
      kinds.filter((kind) => vendorOf(kind) === 'demo'),
      kinds.filter((kind) => vendorOf(kind) === 'link'),
      kinds.filter((kind) => !['static', 'demo', 'link', 'generic', 'gateway'].includes(vendorOf(kind))),
    ]
    for (const [name, node] of common(kinds)) {
      if (name === 'vendor') this.#row('providers[].vendor', { description: VENDOR })
      else this.#visit(this.#resolve(node), `providers[].${name}`)
    }
    for (const [kind, members] of [
      ['', sold],
      ['static', statics],
      ['demo', demos],
      ['link', links],
    ] as const) {
      for (const [name, node] of common(members)) {
        if (common(kinds).has(name) || (members === links && common(sold).has(name))) continue
        const resolved = this.#resolve(node)
        this.#visit(resolved, `providers[].${name}`, kind)
      }
    }
  }

  #row(key: string, node: Node, kind = ''): void {
    const meaning = [node.description, NOTES[key]].filter(Boolean).join(' ')
    this.rows.push({ key, fallback: written(node.default), meaning, choices: node.enum ?? [], kind })
  }

  /** The node itself and its alternatives, if they have keys. */
  #objectsIn(node: Node): Node[] {
    const choices = [...(node.anyOf ?? []), ...(node.oneOf ?? [])].map((choice) => this.#resolve(choice))
    return [...(node.properties === undefined ? [] : [node]), ...choices.flatMap((choice) => this.#objectsIn(choice))]
  }

  #resolve(node: Node | undefined): Node {
    if (node?.$ref === undefined) return node ?? {}
    const { $ref, ...own } = node
    return { ...this.#schema.definitions?.[$ref.split('/').at(-1) ?? ''], ...own }
  }
}

function namesIn(objects: readonly Node[]): Map<string, Node> {
  const names = new Map<string, Node>()
  for (const { properties = {} } of objects)
    for (const [name, node] of Object.entries(properties)) if (!names.has(name)) names.set(name, node)
  return names
}

/** The keys that all of them have, as defined in the first one; with a default where it is that of all. */
function common(objects: readonly Node[]): Map<string, Node> {
  const isShared = (name: string) => objects.every(({ properties = {} }) => Object.hasOwn(properties, name))
  const shared = Object.entries(objects[0]?.properties ?? {}).filter(([name]) => isShared(name))
  return new Map(
    shared.map(([name, { default: fallback, ...node }]) => {
      const isOfAll = objects.every(({ properties = {} }) => isSame(properties[name]?.default, fallback))
      return [name, isOfAll && fallback !== undefined ? { ...node, default: fallback } : node]
    }),
  )
}

/** As a user would write it in YAML. */
function written(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
