/** `turnpike init`: a configuration for a vendor, from the example of its product, and a .env.example with its variables. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CommandError, UsageError } from '../command-error.ts'
import { DOT_ENV, environmentOf } from '../config/environment.ts'
import { nearest } from '../config/nearest.ts'
import { translate } from '../messages/translate.ts'
import { type Example, exampleText, listExamples } from './examples.ts'
import { configFlag, step } from './next-steps.ts'

export interface InitOptions {
  readonly config: string
  readonly vendor?: string
  readonly product?: string
}

export interface InitDeps {
  /** The next line of standard input without its line feed; undefined at its end. */
  readonly nextLine: () => Promise<string | undefined>
  /** Whether a person answers: who answers wrongly may answer again. */
  readonly isInputTerminal: boolean
  readonly err: (text: string) => void
}

/**
 * Asks on standard error, reads answers from standard input.
 * @returns what to print
 * @throws {UsageError} for an answer that is none; {CommandError} when a file is there already, or cannot be written
 */
export async function init(options: InitOptions, deps: InitDeps): Promise<string> {
  const { config: file } = options
  // Before the questions, whose answers would be lost.
  if (existsSync(file)) throw new CommandError(isThere(file))
  const examples = listExamples()
  const vendors = [...new Set(examples.map(({ vendor }) => vendor))]
  const vendor = await choose({ question: 'Vendor', option: '--vendor' }, vendors, options.vendor, deps)
  const ofVendor = examples.filter((example) => example.vendor === vendor)
  const products = ofVendor.map(({ product }) => product)
  if (options.product !== undefined && products.every((product) => product === ''))
    throw new UsageError(translate('{vendor} has no products: leave --product out', { vendor }))
  const product =
    products.length === 1 && options.product === undefined
      ? products[0]
      : await choose({ question: 'Product', option: '--product' }, products, options.product, deps)
  const example = ofVendor.find((each) => each.product === product)
  if (example === undefined) throw new UsageError(translate('there is no such choice'))
  return write(file, example)
}

interface Question {
  readonly question: 'Vendor' | 'Product'
  readonly option: string
}

/** @param given the answer from the command line */
async function choose(
  { question, option }: Question,
  choices: readonly string[],
  given: string | undefined,
  { nextLine, isInputTerminal, err }: InitDeps,
): Promise<string> {
  if (given !== undefined) return meant(given, choices) ?? refuse(given, choices)
  err(
    `${translate(question)}:\n${choices.map((choice, index) => `  ${String(index + 1).padStart(2)}  ${choice}\n`).join('')}`,
  )
  for (;;) {
    err(`${translate('number or name')}: `)
    const line = await nextLine()
    if (!isInputTerminal) err('\n')
    if (line === undefined)
      throw new UsageError(translate('standard input ended before the answer: give it with {option}', { option }))
    const answer = line.trim()
    const choice = meant(answer, choices)
    if (choice !== undefined) return choice
    if (!isInputTerminal) return refuse(answer, choices)
    err(`${unknown(answer, choices)}\n`)
  }
}

function meant(answer: string, choices: readonly string[]): string | undefined {
  return choices.find((choice, index) => choice === answer.toLowerCase() || String(index + 1) === answer)
}

function unknown(answer: string, choices: readonly string[]): string {
  const likely = nearest(answer, choices)
  // What is no name may be a key that was pasted.
  const shown = /^[\w.-]{1,40}$/.test(answer) ? answer : '***'
  const words = translate('there is no choice {answer}: {choices}', { answer: shown, choices: choices.join(', ') })
  return likely === undefined ? words : `${words}. ${translate('Did you mean {names}?', { names: likely })}`
}

function refuse(answer: string, choices: readonly string[]): never {
  throw new UsageError(unknown(answer, choices))
}

/** Neither file is ever overwritten; a .env.example of another configuration gets the names that it lacks. */
function write(file: string, example: Example): string {
  const text = exampleText(example, file)
  create(file, text)
  const variables = variablesOf(text)
  const sample = join(dirname(file), `${DOT_ENV}.example`)
  const isSampleNew = variables.length > 0 && createIfNew(sample, sampleText(file, variables))
  const added = isSampleNew ? [] : addToSample(sample, variables)
  return [
    translate('written: {files}', { files: [file, ...(isSampleNew ? [sample] : [])].join(', ') }),
    ...(added.length > 0 ? [translate('added to {file}: {names}', { file: sample, names: added.join(', ') })] : []),
    translate('next:'),
    ...fillIn(file, sample, variables),
    step(`turnpike check${configFlag(file)}`, 'shows mistakes, and what the gateway would do'),
    step(`turnpike start${configFlag(file)}`, 'runs the gateway'),
    '',
  ].join('\n')
}

/** The step that gives the variables their values. A .env that is there already holds the secrets of other providers. */
function fillIn(file: string, sample: string, variables: readonly Variable[]): readonly string[] {
  const dotEnv = join(dirname(file), DOT_ENV)
  const isThere = existsSync(dotEnv)
  const known = environmentOf(file, {})
  const names = variables.filter(({ name, isNeeded }) => isNeeded && !known[name]).map(({ name }) => name)
  if (names.length === 0) return []
  const params = { file: dotEnv, names: names.join(', ') }
  return isThere
    ? [`  ${translate('add to {file}, with their values: {names}', params)}`]
    : [step(`cp ${sample} ${dotEnv}`, 'then fill in: {names}', params)]
}

function create(file: string, text: string): void {
  if (!createIfNew(file, text)) throw new CommandError(isThere(file))
}

const isThere = (file: string): string =>
  translate(
    '{file} exists and is not overwritten: name another file with --config, or add a provider with "turnpike add"',
    { file },
  )

/** @returns false when it is there already. @throws {CommandError} when it cannot be written */
function createIfNew(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cannotWrite(file, error)
  }
}

function cannotWrite(file: string, error: unknown): CommandError {
  const { code = '' } = error as NodeJS.ErrnoException
  return new CommandError(translate('{file} cannot be written ({code})', { file, code }), { cause: error })
}

interface Variable {
  readonly name: string
  /** False: only lines that are comments name it. */
  readonly isNeeded: boolean
}

function variablesOf(text: string): readonly Variable[] {
  const named = (part: string) => Array.from(part.matchAll(/\$\{(\w+)\}/g), ([, name = '']) => name)
  const needed = new Set(named(text.replaceAll(/(?:^|\s)#.*$/gm, '')))
  return [...new Set(named(text))]
    .filter((name) => name !== 'NAME')
    .map((name) => ({ name, isNeeded: needed.has(name) }))
    .toSorted((a, b) => Number(b.isNeeded) - Number(a.isNeeded))
}

function sampleText(file: string, variables: readonly Variable[]): string {
  const head = translate(
    'Variables of {file}. Copy this file to .env and fill it in; turnpike reads .env beside the configuration. Keep .env out of version control.',
    { file },
  )
  return `# ${head}\n${linesOf(variables)}`
}

const linesOf = (variables: readonly Variable[]): string =>
  variables.map(({ name, isNeeded }) => `${isNeeded ? '' : '# '}${name}=\n`).join('')

/** @returns the names that were appended. @throws {CommandError} when the file cannot be read or written */
function addToSample(sample: string, variables: readonly Variable[]): readonly string[] {
  try {
    const text = variables.length === 0 ? '' : readFileSync(sample, 'utf8')
    const there = new Set(Array.from(text.matchAll(/^[# \t]*(?:export[ \t]+)?(\w+)[ \t]*=/gm), ([, name]) => name))
    const missing = variables.filter(({ name }) => !there.has(name))
    const glue = text === '' || text.endsWith('\n') ? '' : '\n'
    if (missing.length > 0) appendFileSync(sample, `${glue}${linesOf(missing)}`)
    return missing.map(({ name }) => name)
  } catch (error) {
    throw cannotWrite(sample, error)
  }
}
