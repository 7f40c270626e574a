/** Advice about keys that a configuration must have. */
import { isSame } from '../same.ts'
import { explain, type Finding, valueAt } from './explain.ts'
import type { Path } from './locate.ts'
import type { ConfigSchema } from './schema.ts'

/**
 * Advises to remove a key only where the configuration may lack it: parses once more, without the key.
 * @param raw the whole value that was parsed
 */
export function keepRequired(finding: Finding, raw: unknown, schema: ConfigSchema): Finding {
  const { path, message } = finding
  const words = message.replace(/,? or remove the key$/, '')
  if (words === message) return finding
  const rest = without(raw, path)
  const findings = schema.safeParse(rest).error?.issues.flatMap((issue) => explain(issue, rest)) ?? []
  const isRequired = findings.some((other) => isSame(other.path, path) && other.message.startsWith('is missing'))
  return isRequired ? { ...finding, message: words } : finding
}

/** A copy that lacks the key. */
function without(raw: unknown, path: Path): unknown {
  const copy = structuredClone(raw)
  const parent = valueAt(copy, path.slice(0, -1))
  if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, path.at(-1) ?? '')
  return copy
}
