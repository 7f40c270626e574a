/**
 * Finds the rules that name a host without looking at each rule: a table of whole names, a table of suffixes with one look-up
 * per label of the host, one table per length of an address block, and a list of keywords.
 */
import { addressNumber } from './host.ts'
import type { HostPattern } from './rule.ts'

/** Numbers of rules, ascending. */
type Numbers = number[]

export class HostIndex {
  readonly #exact = new Map<string, Numbers>()
  /** By the name above: the rules for every host below it. */
  readonly #below = new Map<string, Numbers>()
  /** By family and prefix length, then by the prefix. */
  readonly #blocks = new Map<
    string,
    { readonly bits: 32 | 128; readonly length: number; rules: Map<bigint, Numbers> }
  >()
  readonly #keywords: { readonly text: string; readonly rule: number }[] = []

  /** @param rule number of the rule; to be called in ascending order */
  add(pattern: Exclude<HostPattern, { kind: 'any' }>, rule: number): void {
    const { kind, value } = pattern
    if (kind === 'keyword') this.#keywords.push({ text: value, rule })
    else if (kind === 'block') this.#addBlock(value, rule)
    else {
      if (kind !== 'below') append(this.#exact, value, rule)
      if (kind !== 'exact') append(this.#below, value, rule)
    }
  }

  #addBlock(block: string, rule: number): void {
    const [address = '', length = ''] = block.split('/')
    const number = addressNumber(address)
    if (number === undefined) return
    const { value, bits } = number
    const key = `${bits}/${length}`
    const table = this.#blocks.get(key) ?? { bits, length: Number(length), rules: new Map<bigint, Numbers>() }
    this.#blocks.set(key, table)
    append(table.rules, prefix(value, table), rule)
  }

  /** The rules that name this host, ascending. @param host canonical */
  rulesFor(host: string): readonly number[] {
    const found = [...(this.#exact.get(host) ?? [])]
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1))
      found.push(...(this.#below.get(host.slice(dot + 1)) ?? []))
    if (this.#blocks.size > 0) found.push(...this.#blocksOf(host))
    for (const { text, rule } of this.#keywords) if (host.includes(text)) found.push(rule)
    return found.length < 2 ? found : [...new Set(found)].sort((a, b) => a - b)
  }

  #blocksOf(host: string): Numbers {
    const number = addressNumber(host)
    if (number === undefined) return []
    return [...this.#blocks.values()].flatMap((table) =>
      table.bits === number.bits ? (table.rules.get(prefix(number.value, table)) ?? []) : [],
    )
  }
}

function prefix(value: bigint, { bits, length }: { readonly bits: number; readonly length: number }): bigint {
  return value >> BigInt(bits - length)
}

/** @param rule not lower than those before; a rule is added once */
export function append<Key>(table: Map<Key, Numbers>, key: Key, rule: number): void {
  const rules = table.get(key)
  if (rules === undefined) table.set(key, [rule])
  else if (rules.at(-1) !== rule) rules.push(rule)
}
