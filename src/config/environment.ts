/** `${NAME}` in the values of a configuration. */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { type Document, type Scalar, visit } from 'yaml'
import type { TextProblem } from './yaml-text.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Holds secrets of a configuration, one `NAME=value` a line, in the folder of the configuration. */
export const DOT_ENV = '.env'

/**
 * The environment of a configuration: what the process has, and below it the file `.env` beside the configuration, so that a
 * variable of the process wins. A file that cannot be read counts as absent: then its variables are reported as not set.
 */
export function environmentOf(file: string, environment: Environment): Environment {
  try {
    return { ...parseEnv(readFileSync(join(dirname(resolve(file)), DOT_ENV), 'utf8')), ...environment }
  } catch {
    return environment
  }
}

export interface Substitution {
  readonly problems: readonly TextProblem[]
  /** Where the scalars begin that could not be filled: whatever else is wrong with them follows from that. */
  readonly unfilled: ReadonlySet<number>
  /** Where the scalars begin that hold nothing because a variable is empty. */
  readonly emptied: ReadonlySet<number>
  /** Texts that hold something of the environment, complete: they are never shown. */
  readonly filled: ReadonlySet<string>
}

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)(\}?)/g
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Fills every `${NAME}` in the string scalars of the document, in place. `$${` stands for the two characters. Keys are
 * left alone. What a variable holds is text and stays text: it cannot bring keys, lists or numbers into the file.
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
        // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is
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

/** Quotes and escapes may lie between the scalar's start and the placeholder, so it is searched in the source. */
function placeOf(text: string, node: Scalar, source: string): number {
  const [start, end] = node.range ?? [0, 0]
  const place = source.indexOf(text, start)
  return place >= start && place < end ? place : start
}
