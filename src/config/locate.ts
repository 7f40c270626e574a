/** Finds the place in the text for a path inside the configuration. */
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml'

export type Path = readonly PropertyKey[]

/**
 * The offset of the key or of the value at `path`. For a missing key it is the nearest enclosing node in the text; for a value
 * from an alias or a merge (`<<`), the place where it was written.
 */
export function locate(document: Document.Parsed, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of path.entries()) {
    node = resolve(node, document)
    const found = isMap(node)
      ? pairOf(node.items, String(step), document)
      : isSeq(node)
        ? node.items[Number(step)]
        : undefined
    if (found === undefined) return offset
    const isLast = depth === path.length - 1
    if (isPair(found)) {
      offset = startOf(found.key) ?? offset
      if (isLast && at === 'key') return offset
      node = found.value
      // For a map, its key is a better place than its first member; an empty value has no text of its own.
      if (isLast && !isMap(node) && !isSeq(node) && !isEmpty(node)) offset = startOf(node) ?? offset
    } else {
      node = found
      offset = startOf(found) ?? offset
    }
  }
  return offset
}

/** Of duplicate keys the last one counts, as in the parsed value; own keys have priority over merged ones. */
function pairOf(pairs: readonly Pair[], key: string, document: Document.Parsed, depth = 0): Pair | undefined {
  const own = pairs.findLast((pair) => keyOf(pair) === key)
  if (own !== undefined || depth > 10) return own
  for (const merged of pairs.filter((pair) => keyOf(pair) === '<<')) {
    const value = resolve(merged.value, document)
    for (const source of isSeq(value) ? value.items : [value]) {
      const map = resolve(source, document)
      const found = isMap(map) ? pairOf(map.items, key, document, depth + 1) : undefined
      if (found !== undefined) return found
    }
  }
  return undefined
}

function keyOf({ key }: Pair): string {
  const value = isScalar(key) ? key.value : key
  return typeof value === 'symbol' ? (value.description ?? '') : String(value)
}

function resolve(node: unknown, document: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}

function isEmpty(node: unknown): boolean {
  const range = (node as Node | null | undefined)?.range
  return range === null || range === undefined || range[0] === range[1]
}
