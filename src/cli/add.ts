/**
 * `turnpike add LINK`: adds a provider to gateway.yaml, which is created when it does not exist, and its secrets to the file .env
 * beside it. No vendor is called.
 */
import { appendFileSync, existsSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { CommandError, UsageError } from '../command-error.ts'
import { addProvider } from '../config/add-provider.ts'
import { DOT_ENV, type Environment, environmentOf } from '../config/environment.ts'
import { loadConfig, parseConfig, readText } from '../config/load.ts'
import { providerName } from '../config/names.ts'
import { type Entry, entryName, providerEntry, variableOf } from '../config/provider-yaml.ts'
import type { Config } from '../config/schema.ts'
import { readYamlText } from '../config/yaml-text.ts'
import { ConfigError } from '../errors.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { isSame } from '../same.ts'
import { Secret } from '../secret.ts'
import { type LinkReading, readLink } from '../vendors/registry.ts'
import { schemaLine } from './examples.ts'
import { linkIn } from './link-facts.ts'
import { configFlag, step } from './next-steps.ts'

export interface AddOptions {
  readonly config: string
  readonly name?: string
  readonly product?: string
}

interface AddDeps {
  readonly environment: Environment
  /** All of standard input. */
  readonly input: () => Promise<string>
}

/** Facts that only a call could show; an entry without a login gets a comment. */
const NOTHING_KNOWN = { needsTtl: false, needsPrivate: false, needsLogin: true }

/**
 * @param given a link, or `-` for standard input
 * @returns what to print; never a secret
 * @throws {ConfigError} when the file has mistakes, or would have one; {UsageError} for an invalid link; {CommandError}
 */
export async function add(given: string, options: AddOptions, { environment, input }: AddDeps): Promise<string> {
  const { config: file, product } = options
  const link = linkIn((given === '-' ? await input() : given).trim())
  if (link === undefined) throw new UsageError(translate('this is no link: a link begins with http:// or https://'))
  const secret = new Secret(link)
  const reading = readLink(secret, product)
  if (reading.kind === 'problem') throw new UsageError(translateSentence(reading.message))
  const isNew = !existsSync(file)
  const text = isNew ? `${schemaLine(file)}\nproviders:\n` : readText(file)
  const name = nameFor(reading, options.name, namesIn(text))
  const known = environmentOf(file, environment)
  const entry = namedEntry(reading, name, secret, known)
  const added = addProvider(text, entry.lines)
  if (added === undefined) {
    loadConfig(file, environment)
    throw new CommandError(translate('{file} cannot be added to: write the entry by hand', { file }))
  }
  const secrets = Object.fromEntries(
    entry.variables.map(({ variable, value }) => [variable, (value ?? secret).reveal()]),
  )
  const config = assertEntry(added, file, { ...known, ...secrets })
  const twin = options.name === undefined ? twinOf(config) : undefined
  if (twin !== undefined)
    throw new UsageError(
      translate('this link is provider "{twin}" of {file} already; --name adds it once more', { twin, file }),
    )
  const envFile = join(dirname(file), DOT_ENV)
  remember(envFile, secrets, known)
  if (isNew) writeFileSync(file, added, { flag: 'wx' })
  else replace(file, added)
  return words({ file, isNew, envFile, name, variables: Object.keys(secrets) })
}

function namesIn(text: string): readonly string[] {
  const { document, readable } = readYamlText(text)
  const providers: unknown = readable ? (document.toJS() as { providers?: unknown } | null)?.providers : undefined
  return Array.isArray(providers) ? providers.map((entry: { name?: unknown } | null) => String(entry?.name)) : []
}

function nameFor(reading: LinkReading, wanted: string | undefined, taken: readonly string[]): string {
  if (wanted !== undefined) {
    const [mistake] = providerName().safeParse(wanted).error?.issues ?? []
    if (mistake !== undefined)
      throw new UsageError(translate('--name: {problem}', { problem: translateSentence(mistake.message) }))
    if (taken.includes(wanted)) throw new UsageError(translate('another provider has this name already'))
    return wanted
  }
  const own = entryName(reading)
  return firstFree(own, '-', (name) => !taken.includes(name))
}

/** `qg`, `qg-2`, `qg-3`, ... */
function firstFree(name: string, separator: string, isFree: (name: string) => boolean): string {
  if (isFree(name)) return name
  let number = 2
  while (!isFree(`${name}${separator}${number}`)) number++
  return `${name}${separator}${number}`
}

/** A variable that already has another value belongs to another provider. */
function namedEntry(reading: LinkReading, name: string, link: Secret, known: Environment): Entry {
  const values = new Map(reading.kind === 'table' ? Object.entries(reading.credentials) : [])
  const variable = (key: string) => {
    const value = (values.get(key) ?? link).reveal()
    return firstFree(variableOf(name, key), '_', (each) => known[each] === undefined || known[each] === value)
  }
  return providerEntry(reading, NOTHING_KNOWN, { name, variable })
}

/** @returns the name of the provider that says the same as the last one */
function twinOf(config: Config | undefined): string | undefined {
  const { providers = [] } = config ?? {}
  const added = providers.at(-1)
  return providers.slice(0, -1).find(({ name, ...rest }) => isSame({ ...rest, name: added?.name }, added))?.name
}

/**
 * Only the new entry matters here: variables of other providers need not be set.
 * @returns the configuration, with stand-ins for such variables; undefined when it has other mistakes
 */
function assertEntry(text: string, file: string, environment: Environment): Config | undefined {
  try {
    return parseConfig(text, file, environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const own = `providers[${namesIn(text).length - 1}]`
    const problems = error.problems.filter(({ path }) => path.startsWith(own))
    if (problems.length > 0) throw new ConfigError(file, problems)
    return withStandIns(text, file, environment)
  }
}

/** A variable that is not set yet, as after `turnpike init`, does not hide that the link is in the file. */
function withStandIns(text: string, file: string, environment: Environment): Config | undefined {
  const names = Array.from(text.matchAll(/\$\{(\w+)\}/g), ([, name = '']) => name)
  const standIns = Object.fromEntries(names.map((name) => [name, 'unset']))
  try {
    return parseConfig(text, file, { ...standIns, ...environment })
  } catch {
    return undefined
  }
}

/** Appends the variables that the environment does not have yet. */
function remember(envFile: string, secrets: Readonly<Record<string, string>>, known: Environment): void {
  const lines = Object.entries(secrets).filter(([variable, value]) => known[variable] !== value)
  if (lines.length === 0) return
  const text = textOf(envFile)
  const glue = text === '' || text.endsWith('\n') ? '' : '\n'
  appendFileSync(envFile, `${glue}${lines.map(([name, value]) => `${name}=${quoted(value)}\n`).join('')}`, {
    mode: 0o600,
  })
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Quoted, so that it is read back as the same text. */
function quoted(value: string): string {
  const written = ["'", '"', '`'].map((quote) => `${quote}${value}${quote}`)
  const found = written.find((text) => parseEnv(`A=${text}`)['A'] === value)
  if (found === undefined)
    throw new CommandError(translate('the link holds characters that .env cannot hold: set the variables by hand'))
  return found
}

/** Replaces the file in one step and keeps its permissions. */
function replace(file: string, text: string): void {
  const target = realpathSync(resolve(file))
  const next = `${target}.new`
  writeFileSync(next, text, { mode: statSync(target).mode & 0o777 })
  renameSync(next, target)
}

interface Added {
  readonly file: string
  readonly isNew: boolean
  readonly envFile: string
  readonly name: string
  readonly variables: readonly string[]
}

function words({ file, isNew, envFile, name, variables }: Added): string {
  const flag = configFlag(file)
  return [
    ...(isNew ? [translate('written: {files}', { files: file })] : []),
    translate('added to {file}: provider "{name}"', { file, name }),
    translate('in {file}: {names}. Keep this file out of version control', {
      file: envFile,
      names: variables.join(', '),
    }),
    translate('next:'),
    step(`turnpike test-source ${name}${flag}`, 'one call: what does it bring?'),
    isNew
      ? step(`turnpike start${flag}`, 'runs the gateway')
      : step(`turnpike reload${flag}`, 'a running gateway takes it up'),
    '',
  ].join('\n')
}
