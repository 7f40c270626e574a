/** `turnpike init`: a configuration for a vendor, from the example of its product, and a .env.example with its variables. */
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CommandError, UsageError } from '../command-error.ts'
import { DOT_ENV } from '../config/environment.ts'
import { nearest } from '../config/nearest.ts'
import { type KnownText, translate } from '../messages/translate.ts'
import { type Example, exampleText, listExamples } from './examples.ts'

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

/** Neither file is ever overwritten. */
function write(file: string, example: Example): string {
  const text = exampleText(example, file)
  create(file, text)
  const variables = variablesOf(text)
  const sample = join(dirname(file), `${DOT_ENV}.example`)
  const isSampleNew = variables.length > 0 && createIfNew(sample, sampleText(file, variables))
  const needed = variables.filter(({ isNeeded }) => isNeeded).map(({ name }) => name)
  return [
    translate('written: {files}', { files: [file, ...(isSampleNew ? [sample] : [])].join(', ') }),
    ...(variables.length > 0 && !isSampleNew
      ? [translate('not written, because it exists: {file}', { file: sample })]
      : []),
    translate('next:'),
    ...(needed.length === 0
      ? []
      : [step(`cp ${sample} ${join(dirname(file), DOT_ENV)}`, 'then fill in: {names}', { names: needed.join(', ') })]),
    step(`turnpike check${configOption(file)}`, 'shows mistakes, and what the gateway would do'),
    step(`turnpike start${configOption(file)}`, 'runs the gateway'),
    '',
  ].join('\n')
}

export const step = (command: string, words: KnownText, params?: Readonly<Record<string, string>>) =>
  `  ${command.padEnd(32)}  ${translate(words, params)}`

/** The option that commands need for a file that is not the default. */
export const configOption = (file: string): string =>
  resolve(file) === resolve('gateway.yaml') ? '' : ` --config ${file}`

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
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new CommandError(translate('{file} cannot be written ({code})', { file, code }), { cause: error })
  }
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
  return [`# ${head}`, ...variables.map(({ name, isNeeded }) => `${isNeeded ? '' : '# '}${name}=`), ''].join('\n')
}
