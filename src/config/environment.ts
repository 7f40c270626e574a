/** Replaces `${NAME}` in the values of a configuration. */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { type Document, type Scalar, visit } from 'yaml'
import type { TextProblem } from './yaml-text.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Holds the secrets of a configuration, one `NAME=value` per line, in the folder of the configuration. */
export const DOT_ENV = '.env'

/** @param file the configuration */
export function dotEnvOf(file: string): string {
  return join(dirname(resolve(file)), DOT_ENV)
}

/**
 * The environment of a configuration: the variables of the process, then those of the file `.env` beside the configuration.
 * A variable of the process has priority. An unreadable file counts as absent: its variables are reported as not set.
 */
export function environmentOf(file: string, environment: Environment): Environment {
  try {
    return { ...parseEnv(readFileSync(dotEnvOf(file), 'utf8')), ...environment }
  } catch {
    return environment
  }
}

export interface Substitution {
  readonly problems: readonly TextProblem[]
  /** Offsets of scalars with a variable that is not set: later problems with these scalars are consequences and not reported. */
  readonly unfilled: ReadonlySet<number>
  /** Offsets of scalars that are empty because a variable is empty. */
  readonly emptied: ReadonlySet<number>
  /** Complete texts that contain a value of the environment: they are never shown. */
  readonly filled: ReadonlySet<string>
}

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)(\}?)/g
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Replaces every `${NAME}` in the string scalars of the document, in place. `$${` stands for a literal `${`. Keys are not
 * changed. The value of a variable is always text: it cannot add keys, lists or numbers to the file.
 */
export function substitute(document: Document.Parsed, source: string, environment: Environment): Substitution {
  const problems: TextProblem[] = []
  const unfilled = new Set<number>()
  const emptied = new Set<number>()
  const filled = new Set<string>()
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const found = fill(node.value, environment)
      for (const { text, message } of found.mistakes) problems.push({ offset: placeOf(text, node, source), message })
      if (found.mistakes.length > 0) unfilled.add(node.range?.[0] ?? 0)
      else if (found.value !== node.value) {
        node.value = found.value
        if (found.fromEnvironment) filled.add(found.value)
        if (found.value === '') emptied.add(node.range?.[0] ?? 0)
      }
    },
  })
  return { problems, unfilled, emptied, filled }
}

interface Mistake {
  /** The placeholder as written. */
  readonly text: string
  readonly message: string
}

function fill(written: string, environment: Environment) {
  const mistakes: Mistake[] = []
  let fromEnvironment = false
  const value = written.replace(PLACEHOLDER, (text: string, name: string | undefined, end: string | undefined) => {
    if (name === undefined) return '${'
    if (end === '' || !VARIABLE.test(name)) {
      mistakes.push({
        text: '${',
        message: 'after ${ comes the name of a variable and }; write $${ for the two characters themselves',
      })
      return text
    }
    const found = Object.hasOwn(environment, name) ? environment[name] : undefined
    if (found === undefined) mistakes.push({ text, message: `the environment variable ${name} is not set` })
    fromEnvironment = true
    return found ?? text
  })
  return { value, mistakes, fromEnvironment }
}

/** Quotes and escapes may stand between the start of the scalar and the placeholder, so it is searched in the source text. */
function placeOf(text: string, node: Scalar, source: string): number {
  const [start, end] = node.range ?? [0, 0]
  const place = source.indexOf(text, start)
  return place >= start && place < end ? place : start
}
