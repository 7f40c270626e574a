/**
 * `turnpike call`: calls any operation of a provider's vendor by name. It goes through the running gateway and shares its
 * limits and budget; without a running gateway it uses the state store that the next gateway will use.
 */
import { z } from 'zod'
import { CommandError, UsageError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import { type Config, isDemo, type ProviderConfig } from '../config/schema.ts'
import { commandLog, type Log } from '../log/log.ts'
import { translate, translateCallRefusal, translateSentence } from '../messages/translate.ts'
import { StoreBusy } from '../store/errors.ts'
import { type OperatorCall, OperatorCallRefused, type OperatorReply } from '../supply/operator/call.ts'
import { codeOfClass, VendorError } from '../vendors/contract/error.ts'
import type { Params } from '../vendors/contract/operation.ts'
import type { Source } from '../vendors/contract/source.ts'
import {
  type AdminAnswer,
  adminPlace,
  adminToken,
  askAdmin,
  gatewaySays,
  NoGateway,
  notAGateway,
} from './admin-client.ts'
import { listOperations, renderOperations } from './operations.ts'
import { renderReply } from './reply.ts'
import { oneLine } from './table.ts'

export interface CallOptions {
  readonly provider: string
  /** Undefined: lists the operations. */
  readonly operation: string | undefined
  /** `name=value` each. */
  readonly params: readonly string[]
  readonly config: string
  readonly json: boolean
  readonly yes: boolean
  /** Shows secrets that the vendor made for this call, such as a generated password. */
  readonly reveal: boolean
}

/** Functions that work without a gateway; the composition root passes them in. */
export interface OfflineCalls {
  openTableOf(config: Config, provider: ProviderConfig, log: Log): Promise<Source>
  callOffline(config: Config, dir: string, order: OperatorCall, deps: { readonly log: Log }): Promise<OperatorReply>
}

export interface CallDeps {
  readonly environment: Environment
  readonly offline: () => Promise<OfflineCalls>
  /** All of standard input. */
  readonly input: () => Promise<string>
  readonly err: (text: string) => void
  /** Whether standard output is a terminal: secrets are printed only there. */
  readonly isTerminal: boolean
}

/** A call waits until the calls for clients are sent; Node's default time-out for the response head is 300 s. */
const ANSWER_TIMEOUT_MS = 240_000

/**
 * @returns what to print
 * @throws {ConfigError}, {UsageError} for invalid arguments, {CommandError} for failures, {GatewayError}, {StoreError}
 */
export async function call(options: CallOptions, deps: CallDeps): Promise<string> {
  const config = loadConfig(options.config, deps.environment)
  const provider = findProvider(config, options.provider, options.config)
  const log = commandLog('warn', deps.err)
  if (options.operation === undefined) {
    if (options.params.length > 0) throw new UsageError(translate('name an operation before its parameters'))
    return listing(await (await deps.offline()).openTableOf(config, provider, log), provider, options.json)
  }
  if (options.reveal && !deps.isTerminal)
    throw new UsageError(
      translate('--reveal shows a password, so it works on a terminal only: not into a file or a pipe'),
    )
  const params = await paramsOf(options.params, deps.input)
  const { operation, yes, reveal } = options
  const order = { provider: provider.name, operation, params, yes, reveal }
  const reply = await sendOrder(config, provider, order, { ...deps, log })
  for (const warning of reply.warnings) deps.err(`${translate('warning')}: ${oneLine(translateCallRefusal(warning))}\n`)
  return options.json ? `${JSON.stringify(reply, null, 2)}\n` : renderReply(reply.data)
}

/** @param file path of the configuration */
export function findProvider({ providers }: Config, name: string, file: string): ProviderConfig {
  const found = providers.find((provider) => provider.name === name)
  if (found !== undefined) return found
  const names = providers.map((provider) => provider.name)
  const likely = nearest(name, names)
  const hint =
    likely === undefined
      ? translate('it has {names}', { names: names.join(', ') })
      : translate('did you mean {name}?', { name: likely })
  // An invalid name may be a pasted link or key.
  const shown = /^[\w.-]{1,64}$/.test(name) ? JSON.stringify(name) : '***'
  throw new UsageError(translate('{file} has no provider {name}; {hint}', { file, name: shown, hint }))
}

function listing(source: Source, { name }: ProviderConfig, isJson: boolean): string {
  if (source.byHand === undefined)
    throw new UsageError(translate('"{name}" is your own list: there are no operations', { name }))
  const { vendor, product } = source
  const operations = listOperations(source)
  if (isJson) return `${JSON.stringify({ provider: name, vendor, product, operations }, null, 2)}\n`
  return renderOperations(`turnpike call ${name} OPERATION [NAME=VALUE ...]   (${vendor} ${product})`, operations)
}

async function paramsOf(written: readonly string[], input: CallDeps['input']): Promise<Params> {
  const pairs = written.map((text): [string, string] => {
    const at = text.indexOf('=')
    if (at < 1)
      throw new UsageError(translate('{text} is no parameter: write name=value', { text: JSON.stringify(text) }))
    return [text.slice(0, at), text.slice(at + 1)]
  })
  const names = pairs.map(([name]) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(translate('{name} is given twice', { name: twice }))
  const fromInput = pairs.filter(([, value]) => value === '-')
  if (fromInput.length > 1) throw new UsageError(translate('only one value can come from standard input'))
  if (fromInput.length === 0) return Object.fromEntries(pairs)
  const text = (await input()).replace(/\r?\n$/, '')
  return Object.fromEntries(pairs.map(([name, value]) => [name, value === '-' ? text : value]))
}

/** The parts of a reply that this command shows. */
type Shown = Pick<OperatorReply, 'data' | 'warnings'>

type SendDeps = Pick<CallDeps, 'offline'> & { readonly log: Log }

/** Makes a call through the running gateway, or without one with its state store. @throws as `call` */
export function sendOrder(
  config: Config,
  provider: ProviderConfig,
  order: OperatorCall,
  deps: SendDeps,
): Promise<Shown> {
  return explained(provider.name, () => send(config, provider, order, deps))
}

async function send(config: Config, provider: ProviderConfig, order: OperatorCall, deps: SendDeps): Promise<Shown> {
  const { admin } = config
  if (admin === 'off')
    return alone(config, provider, order, deps, translate('its admin port is off: this command cannot reach it'))
  const place = adminPlace(admin)
  const { provider: name, ...body } = order
  try {
    const token = adminToken(config)
    const path = `/v1/providers/${encodeURIComponent(name)}/call`
    return readAnswer(await askAdmin(place, path, { token, body, timeoutMs: ANSWER_TIMEOUT_MS }), place, name)
  } catch (error) {
    if (!(error instanceof NoGateway)) throw error
    return alone(
      config,
      provider,
      order,
      deps,
      translate('it does not answer at {place}, where this configuration has its admin port', { place }),
    )
  }
}

/** @param why the reason for not using the gateway that holds the store */
export function stateInUse(folder: string, why: string): string {
  return translate('a gateway uses the state in {folder}, but {why}. Stop it, or make it reachable', { folder, why })
}

/** @param why the reason for not using the running gateway */
async function alone(
  config: Config,
  provider: ProviderConfig,
  order: OperatorCall,
  { offline, log }: SendDeps,
  why: string,
): Promise<OperatorReply> {
  if (isDemo(provider))
    throw new CommandError(translate('the demo vendor is part of a running gateway: start the gateway first'))
  if (config.state === 'off')
    throw new CommandError(
      translate(
        'no gateway answers, and with "state: off" it is not known which calls still count: start the gateway, or let it keep state',
      ),
    )
  try {
    return await (await offline()).callOffline(config, config.state.path, order, { log })
  } catch (error) {
    if (!(error instanceof StoreBusy)) throw error
    throw new CommandError(stateInUse(error.dir, why))
  }
}

/** An older gateway sends no warnings. */
const answered = z.object({ data: z.unknown(), warnings: z.array(z.string()).default([]) })
const refused = z.object({
  code: z.string(),
  detail: z.string(),
  hint: z.string().nullish(),
  error: z.string().optional(),
  vendorCode: z.string().optional(),
})

function readAnswer({ status, body }: AdminAnswer, place: string, provider: string): Shown {
  if (status === 200) {
    const { data } = answered.safeParse(body)
    if (data !== undefined) return { ...(body as OperatorReply), ...data }
  }
  const { data: problem } = refused.safeParse(body)
  if (problem === undefined) throw new CommandError(notAGateway(place))
  const { code, detail, hint, error, vendorCode } = problem
  if (code === 'ADMIN_UNCONFIRMED') throw new UsageError(withYes(detail))
  if (code === 'ADMIN_UNKNOWN_PROVIDER') throw new UsageError(gatewaySays(place, detail))
  if (code === 'ADMIN_BAD_REQUEST' || code === 'ADMIN_UNKNOWN_OPERATION')
    throw new UsageError(translateCallRefusal(detail))
  if (code === 'ADMIN_VENDOR') throw new CommandError(vendorWords(provider, detail, hint, [vendorCode, error]))
  throw new CommandError(gatewaySays(place, detail))
}

/** Translates errors of the parts below into errors of this command. */
async function explained<T>(provider: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof OperatorCallRefused)
      throw new UsageError(error.kind === 'unconfirmed' ? withYes(error.message) : translateCallRefusal(error.message))
    if (error instanceof VendorError)
      throw new CommandError(
        vendorWords(provider, error.message, error.hint, [error.vendorCode, codeOfClass[error.class]]),
        {
          cause: error,
        },
      )
    throw error
  }
}

const withYes = (words: string) => translate('{words}. Add --yes to do it', { words: translateCallRefusal(words) })

/** @param codes success codes: the vendor's and ours */
function vendorWords(
  provider: string,
  words: string,
  hint: string | null | undefined,
  codes: readonly (string | undefined)[],
): string {
  const known = codes.filter((code) => code !== undefined)
  return `${provider}: ${translateSentence(words)} (${known.join(', ')})${hint ? `\n  ${translateSentence(hint)}` : ''}`
}
