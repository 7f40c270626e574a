/** Turns gateway.yaml and the environment into a frozen configuration, or into a list of all mistakes with their places. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { problemOfPair } from '../downstream/tls-certificate.ts'
import { ConfigError, type ConfigProblem } from '../errors.ts'
import { Secret } from '../secret.ts'
import { collectable } from '../structures/collectable.ts'
import * as vendors from '../vendors/registry.ts'
import { crossCheck } from './checks.ts'
import { checkCluster } from './cluster-checks.ts'
import { type Environment, environmentOf, type Substitution, substitute } from './environment.ts'
import { explain, type Finding, rememberKnownKeys, valueAt } from './explain.ts'
import { type HostLists, readHostLists } from './host-list.ts'
import { locate, type Path } from './locate.ts'
import { anyProviderSchema } from './provider-schema.ts'
import { keepRequired } from './required.ts'
import { checkRoutes } from './route-checks.ts'
import { buildSchema, type Config, type ConfigSchema, isStatic } from './schema.ts'
import { plainValue, readYamlText, type TextProblem, type YamlText } from './yaml-text.ts'

/** A configuration written by hand has a few KiB. */
const MAX_FILE_BYTES = 1_048_576

/**
 * Reads a configuration file.
 * @param file path of the YAML file; relative paths inside it are resolved against its folder
 * @param environment values for `${NAME}`, with priority over the file `.env` beside the configuration
 * @param schema of the file; by default with the vendors of the registry
 * @returns the whole configuration with its defaults, deeply frozen; durations in ms, sizes in octets
 * @throws {ConfigError} with every mistake of the file. No message contains a value of the environment or a secret
 */
export function loadConfig(file: string, environment: Environment, schema?: ConfigSchema): Config {
  return loadText(readText(file), file, environmentOf(file, environment), schema)
}

/** Packages under `vendor:` are loaded first, so that their keys are known. Only a file can load packages. */
function loadText(text: string, file: string, environment: Environment, schema?: ConfigSchema): Config {
  const yaml = readYamlText(text)
  const plain = yaml.readable && yaml.document.contents !== null ? plainValue(yaml, text) : { value: undefined }
  const written = 'value' in plain ? valueAt(plain.value, ['providers']) : undefined
  const problems = vendors.loadPackages(Array.isArray(written) ? written : [], dirname(resolve(file)))
  if (problems.length === 0) return parseConfig(text, file, environment, schema)
  throw new ConfigError(
    file,
    problems.map(({ path, message }) => {
      const at: Path = ['providers', ...path]
      return { path: writePath(at), message, ...yaml.place(locate(yaml.document, at, 'value')) }
    }),
  )
}

/** The source of a configuration. */
export interface ConfigSource {
  readonly file: string
  readonly text: string
  readonly environment: Environment
}

/** As `loadConfig`, with the text of the file, for callers that show it. */
export function loadConfigSource(file: string, environment: Environment): { config: Config; source: ConfigSource } {
  const text = readText(file)
  const filled = environmentOf(file, environment)
  return { config: loadText(text, file, filled), source: { file: resolve(file), text, environment: filled } }
}

/**
 * As `loadConfig`, for a value that a program passes. Problems have the path of the key; an object has no lines.
 * @param folder the base of relative paths in it
 */
export function loadConfigValue(value: unknown, folder: string, environment: Environment): Config {
  try {
    return loadText(JSON.stringify(value) ?? '', resolve(folder, 'configuration'), environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(
      'configuration',
      error.problems.map(({ path, message }) => ({ path, message })),
    )
  }
}

/** As `loadConfig`, for text in memory; `file` is its path. */
export function parseConfig(
  source: string,
  file: string,
  environment: Environment,
  schema: ConfigSchema = buildSchema(vendors),
): Config {
  const text = readYamlText(source)
  const fail = (problems: readonly ConfigProblem[]): never => {
    throw new ConfigError(file, problems.toSorted(byPlace))
  }
  const place = ({ offset, message }: TextProblem): ConfigProblem => ({ path: '', message, ...text.place(offset) })
  if (!text.readable) return fail(text.problems.map(place))
  if (text.document.contents === null) {
    return fail([
      {
        path: '',
        message: 'the file is empty: it needs at least "providers:"; gateway.yaml shows how',
        line: 1,
        column: 1,
      },
    ])
  }
  const substitution = substitute(text.document, source, environment)
  const problems = [...text.problems, ...substitution.problems].map(place)
  const plain = plainValue(text, source)
  if ('problem' in plain) return fail([...problems, ...(text.problems.length > 0 ? [] : [place(plain.problem)])])

  const folder = dirname(resolve(file))
  const hostLists = readHostLists(plain.value, folder)
  const result = schema.safeParse(plain.value, { error: rememberKnownKeys })
  const found = (result.error?.issues ?? []).flatMap((issue) => [
    ...explain(issue, plain.value),
    ...behindUnknownVendor(issue, plain.value),
  ])
  const findings = [
    ...found.map((finding) => keepRequired(finding, plain.value, schema)),
    ...crossCheck(plain.value, substitution.filled, vendors.entryProblems),
    ...checkRoutes(plain.value, substitution.filled),
    ...checkCluster(plain.value),
    ...emptiedLogins(plain.value, text, substitution),
    ...hostLists.problems,
    ...missingFiles(plain.value, folder),
    ...unusableCertificates(plain.value, folder),
  ]
  problems.push(...placeFindings(findings, text, substitution))
  if (problems.length > 0 || result.data === undefined) return fail(problems)
  return deepFreeze(withHostLists(resolvePaths(result.data as Config, folder), hostLists))
}

/** @throws {ConfigError} when the file is missing, too large or not UTF-8 */
export function readText(file: string): string {
  const fail = (message: string): never => {
    throw new ConfigError(file, [{ path: '', message }])
  }
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return fail(unreadable[code ?? ''] ?? `the file cannot be read (${code})`)
  }
  if (bytes.length > MAX_FILE_BYTES) return fail('the file is larger than 1 MiB: this is not a configuration')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail('the file is not UTF-8 text: save it as UTF-8')
  }
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file: "turnpike init" writes one, --config FILE names another',
  ENOTDIR: 'there is no such file: a part of this path is a file, not a folder',
  EISDIR: 'this is a folder: name the file in it with --config FILE',
  EACCES: 'this user may not read the file',
  EPERM: 'this user may not read the file',
}

const anyProvider = collectable(anyProviderSchema)

/** A provider with an unknown vendor or product is not checked further, except for the keys that all providers share. */
function behindUnknownVendor(issue: Parameters<typeof explain>[0], raw: unknown): readonly Finding[] {
  if (issue.code !== 'invalid_union' || issue.discriminator === undefined) return []
  const path = issue.path.slice(0, -1)
  const { error } = anyProvider().safeParse(valueAt(raw, path), { error: rememberKnownKeys })
  return (error?.issues ?? []).flatMap((inner) => explain(inner, raw, path))
}

/** A user name or password written as "" is meant to be empty; an empty variable is a mistake. */
function emptiedLogins(raw: unknown, { document }: YamlText, { emptied }: Substitution): readonly Finding[] {
  if (emptied.size === 0) return []
  const ports = valueAt(raw, ['listen'])
  if (!Array.isArray(ports)) return []
  const users = ports.flatMap((_, l): Path[] => {
    const list = valueAt(raw, ['listen', l, 'users'])
    return Array.isArray(list) ? list.map((_user, u) => ['listen', l, 'users', u]) : []
  })
  const paths = users.flatMap((path): Path[] => [
    [...path, 'name'],
    [...path, 'password'],
  ])
  return paths.flatMap((path): Finding[] => {
    const isEmptied = valueAt(raw, path) === '' && emptied.has(locate(document, path, 'value'))
    const message = 'is empty: the environment variable holds nothing; write "" if that is meant'
    return isEmptied ? [{ path, message, at: 'value' }] : []
  })
}

function missingFiles(raw: unknown, folder: string): readonly Finding[] {
  const providers = valueAt(raw, ['providers'])
  if (!Array.isArray(providers)) return []
  const paths = providers.flatMap((_, i): Path[] => [
    ['providers', i, 'file'],
    ['providers', i, 'upstream', 'tls', 'ca'],
  ])
  return paths.flatMap((path): Finding[] => {
    const file = valueAt(raw, path)
    const isMissing = typeof file === 'string' && file !== '' && !existsSync(resolve(folder, file))
    return isMissing
      ? [{ path, message: 'there is no such file (paths are relative to the configuration)', at: 'value' }]
      : []
  })
}

/** The ports on which clients speak TLS. */
function unusableCertificates(raw: unknown, folder: string): readonly Finding[] {
  const ports = valueAt(raw, ['listen'])
  if (!Array.isArray(ports)) return []
  return ports.flatMap((_, i): Finding[] => {
    const path = ['listen', i, 'tls']
    const [cert, key] = ['cert', 'key'].map((name) => valueAt(raw, [...path, name]))
    if (typeof cert !== 'string' || typeof key !== 'string') return []
    const message = problemOfPair({ cert: resolve(folder, cert), key: resolve(folder, key) })
    if (message === undefined) return []
    return [{ path, message: `${message}; paths are relative to the configuration`, at: 'value' }]
  })
}

function placeFindings(
  findings: readonly Finding[],
  { document, place }: YamlText,
  { unfilled }: Substitution,
): ConfigProblem[] {
  const seen = new Set<string>()
  return findings.flatMap(({ path, message, at }) => {
    const offset = locate(document, path, at)
    const problem = { path: writePath(path), message, ...place(offset) }
    const id = JSON.stringify(problem)
    // A scalar with an unset variable is already reported; a second report about the placeholder's type would not help.
    if ((at === 'value' && unfilled.has(offset)) || seen.has(id)) return []
    seen.add(id)
    return [problem]
  })
}

/** `providers[0].request.pt`; a key that is not a plain word is quoted and cut. */
function writePath(path: Path): string {
  return path
    .map((step) => {
      if (typeof step === 'number') return `[${step}]`
      const key = String(step)
      return `.${/^[\w-]{1,40}$/.test(key) ? key : JSON.stringify(key.slice(0, 40))}`
    })
    .join('')
    .replace(/^\./, '')
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}

function resolvePaths(config: Config, folder: string): Config {
  const absolute = (path: string) => resolve(folder, path)
  const providers = config.providers.map((provider) => {
    const { tls } = provider.upstream
    const ca = tls !== false && 'ca' in tls && tls.ca !== undefined ? { ...tls, ca: absolute(tls.ca) } : tls
    const upstream = { ...provider.upstream, tls: ca }
    const isFile = isStatic(provider) && provider.file !== undefined
    return isFile ? { ...provider, upstream, file: absolute(provider.file) } : { ...provider, upstream }
  })
  const listen = config.listen.map((port) =>
    port.tls === undefined ? port : { ...port, tls: { cert: absolute(port.tls.cert), key: absolute(port.tls.key) } },
  )
  const state = config.state === 'off' ? config.state : { path: absolute(config.state.path) }
  return { ...config, listen, providers, state }
}

/** Adds the hosts of a file to those that the rule itself names. */
function withHostLists(config: Config, { lists }: HostLists): Config {
  if (lists.size === 0) return config
  const routes = config.routes.map((rule, i) => {
    const list = lists.get(i)
    return list === undefined ? rule : { ...rule, host: [...(rule.host ?? []), ...list] }
  })
  return { ...config, routes }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
