/**
 * `npm run check`: every regular expression of src matches in time linear in the text, whatever the text is.
 *
 * recheck proves it from the automaton of the pattern; patterns with look-around, for which there is no such proof, are
 * attacked by its fuzzer (always with the same seed). What it cannot prove in 60 s counts as a failure: a simpler pattern, or
 * a few lines of `indexOf`, do the same. Proven patterns are remembered in node_modules/.cache, so only new ones take time.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { checkSync } from 'recheck'
import { type Pattern, patternsBelow } from './patterns.ts'

const TIMEOUT_MS = 60_000
/** The fuzzer takes an attack that runs for 1.5 s for a successful one, which any does on a machine with other work. */
const STEPS_DECIDE = { incubationTimeout: null, attackTimeout: null }
/** The JavaScript build of recheck: the others start a process of their own and gain nothing here. */
process.env['RECHECK_SYNC_BACKEND'] = 'pure'

const root = path.join(import.meta.dirname, '../..')
const memory = path.join(root, 'node_modules/.cache/turnpike/linear-patterns.json')
const { version } = createRequire(import.meta.url)('recheck/package.json') as { version: string }

const keyOf = ({ source, flags }: Pattern): string => `${version} /${source}/${flags}`

function remembered(): Set<string> {
  try {
    return new Set(JSON.parse(readFileSync(memory, 'utf8')) as string[])
  } catch {
    return new Set() // the first run
  }
}

/** @returns why the pattern is not accepted; undefined when it is linear */
function faultOf({ source, flags }: Pattern): string | undefined {
  const options = { timeout: TIMEOUT_MS, randomSeed: 0, ...STEPS_DECIDE }
  const proof = checkSync(source, flags, { ...options, checker: 'automaton' })
  const isUnprovable = proof.status === 'unknown' && proof.error.kind === 'unsupported'
  const result = isUnprovable ? checkSync(source, flags, { ...options, checker: 'fuzz' }) : proof
  if (result.status === 'safe') return undefined
  if (result.status === 'unknown') return `cannot be proven linear (${result.error.kind}): simplify it`
  return `is ${result.complexity.summary}, for instance on ${result.attack.pattern}`
}

process.chdir(root)
const { literals, built } = patternsBelow('src')
const proven = remembered()
const faults = built.map(
  (place) => `${place}: a pattern that is built at run time cannot be checked: write it as a literal`,
)
for (const pattern of literals) {
  if (proven.has(keyOf(pattern))) continue
  const fault = faultOf(pattern)
  if (fault === undefined) proven.add(keyOf(pattern))
  else faults.push(`${pattern.place}: /${pattern.source}/${pattern.flags} ${fault}`)
}
mkdirSync(path.dirname(memory), { recursive: true })
writeFileSync(memory, JSON.stringify([...new Set(literals.map(keyOf))].filter((key) => proven.has(key))))
process.stdout.write(faults.map((fault) => `${fault}\n`).join(''))
process.stdout.write(`${literals.length} regular expressions, ${faults.length} that may take more than linear time\n`)
process.exitCode = faults.length === 0 ? 0 : 1
