/**
 * `turnpike test-source`: shows what a link or a provider delivers, with one call. It goes through the running gateway and
 * shares its limits and budget; without a running gateway it uses the state store that the next gateway will use.
 */

import { existsSync } from 'node:fs'
import { CommandError, UsageError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig, parseConfig } from '../config/load.ts'
import { providerName } from '../config/names.ts'
import { providerYaml, yamlHelp } from '../config/provider-yaml.ts'
import {
  buysNothing,
  type Config,
  isDemo,
  isGateway,
  isLink,
  type ProviderConfig,
  privateProviders,
} from '../config/schema.ts'
import { given } from '../given.ts'
import { commandLog, type Log } from '../log/log.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { Secret } from '../secret.ts'
import { StoreBusy } from '../store/errors.ts'
import type { TrialReport, TrialTarget } from '../supply/operator/test-source.ts'
import { carried, requestUrl } from '../supply/operator/try.ts'
import { VendorError } from '../vendors/contract/error.ts'
import { type LinkReading, readLink } from '../vendors/registry.ts'
import { adminPlace, adminToken, askAdmin, NoGateway } from './admin-client.ts'
import { findProvider, stateInUse } from './call.ts'
import { DEFAULT_CONFIG } from './config-option.ts'
import { exitCodes } from './exit-codes.ts'
import { factsOf, type LinkFacts, linkIn } from './link-facts.ts'
import { readTrial } from './trial-answer.ts'
import { intention, linkLines, reportLines } from './trial-words.ts'

export interface TestSourceOptions {
  /** A link, the name of a provider, or `-` for either on standard input. */
  readonly source: string
  readonly config: string
  readonly product: string | undefined
  /** A URL to request through the first address; undefined: none. */
  readonly try: string | undefined
  readonly yaml: boolean
  readonly json: boolean
  readonly dryRun: boolean
  /** What the source could have been too, for the message when it is nothing; default: a link. */
  readonly expected?: 'address'
}

/** Functions that work without a gateway; the composition root passes them in. */
export interface OfflineTrials {
  tryOffline(
    config: Config,
    dir: string | undefined,
    target: TrialTarget,
    deps: { readonly log: Log },
  ): Promise<TrialReport | undefined>
}

export interface TestSourceDeps {
  readonly environment: Environment
  readonly offline: () => Promise<OfflineTrials>
  /** All of standard input. */
  readonly input: () => Promise<string>
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

export const badUrl = () => translate('the URL to try begins with http:// or https:// and holds no login')
/** The call waits until the calls for clients are sent. */
const ANSWER_TIMEOUT_MS = 240_000

/** The source to test. */
interface Subject {
  readonly target: TrialTarget
  readonly config: Config
  readonly provider: ProviderConfig | undefined
  readonly reading: LinkReading | undefined
}

/**
 * Prints on standard error what it will do, then does it.
 * @returns the exit code: 0 when addresses were delivered
 * @throws {ConfigError}, {UsageError} for invalid arguments, {CommandError} for failures, {GatewayError}, {StoreError}
 */
export async function testSource(options: TestSourceOptions, deps: TestSourceDeps): Promise<number> {
  if (options.try !== undefined && requestUrl(options.try) === undefined) throw new UsageError(badUrl())
  const subject = await subjectOf(options, deps)
  const { reading, provider } = subject
  const facts = reading === undefined ? undefined : factsOf(reading)
  if (options.yaml && reading === undefined)
    throw new UsageError(translate('--yaml writes the entry of a pasted link: this provider has one already'))
  if (options.dryRun) return tell(options, deps, { subject, facts, report: undefined })
  deps.err(`turnpike: ${intention(nameOf(subject, facts), lotOf(provider, facts), provider?.price)}`)
  const log = commandLog('error', deps.err)
  const report = await send(subject, { ...deps, log })
  return tell(options, deps, { subject, facts, report })
}

async function subjectOf(options: TestSourceOptions, { environment, input }: TestSourceDeps): Promise<Subject> {
  const given = (options.source === '-' ? await input() : options.source).trim()
  const source = linkIn(given) ?? given
  if (!/^[a-z]+:\/\//i.test(source)) {
    if (options.product !== undefined)
      throw new UsageError(translate('--product is for a link: a provider has its own'))
    demandName(source, options)
    const config = loadConfig(options.config, environment)
    const provider = findProvider(config, source, options.config)
    const reading = isLink(provider) ? readLink(provider.url, provider.product, provider.credentials?.key) : undefined
    return {
      config,
      provider,
      target: { provider: provider.name, try: options.try },
      reading: reading?.kind === 'problem' ? undefined : reading,
    }
  }
  const url = new Secret(source)
  const reading = readLink(url, options.product)
  if (reading.kind === 'problem') throw new UsageError(translateSentence(reading.message))
  const config = hasConfig(options)
    ? loadConfig(options.config, environment)
    : parseConfig(NO_CONFIG, options.config, {})
  return { config, provider: undefined, target: { url, product: options.product, try: options.try }, reading }
}

/** A configuration that the user names must exist; the default one need not. */
const hasConfig = ({ config }: TestSourceOptions) => config !== DEFAULT_CONFIG || existsSync(config)

/** @throws {UsageError} when the text, which is no link, cannot be the name of a provider either */
function demandName(text: string, options: TestSourceOptions): void {
  const isAddress = options.expected === 'address'
  if (!providerName().safeParse(text).success)
    throw new UsageError(
      translate(
        isAddress
          ? 'this is neither a proxy address (HOST:PORT) nor the name of a provider'
          : 'this is neither a link (http:// or https://) nor the name of a provider',
      ),
    )
  if (!hasConfig(options))
    throw new UsageError(
      translate(
        isAddress
          ? 'this is no proxy address (HOST:PORT), and there is no {file} with a provider of this name'
          : 'this is no link (http:// or https://), and there is no {file} with a provider of this name',
        { file: options.config },
      ),
    )
}

/** For a link without a configuration: no gateway to use, no store to keep. */
const NO_CONFIG = 'providers: [{ name: none, vendor: static, list: ["192.0.2.1:1"] }]\nstate: off\nadmin: off\n'

function nameOf({ provider }: Subject, facts: LinkFacts | undefined): string {
  if (facts !== undefined)
    return facts.vendor === null ? facts.host : `${facts.vendor}${facts.product === null ? '' : ` ${facts.product}`}`
  if (provider === undefined) return translate('the link')
  return 'product' in provider ? `${provider.vendor} ${provider.product}` : `"${provider.name}"`
}

function lotOf(provider: ProviderConfig | undefined, facts: LinkFacts | undefined): number | null {
  if (facts !== undefined) return facts.use === 'table' ? 1 : facts.batchSize
  return provider !== undefined && buysNothing(provider) ? null : 1
}

async function send(subject: Subject, deps: TestSourceDeps & { readonly log: Log }): Promise<TrialReport> {
  const { config, target } = subject
  if (config.admin === 'off')
    return alone(subject, deps, translate('its admin port is off: this command cannot reach it'))
  const place = adminPlace(config.admin)
  try {
    const body =
      'provider' in target
        ? target
        : {
            url: target.url.reveal(),
            try: target.try,
            ...given({ product: target.product }),
          }
    const answer = await askAdmin(place, '/v1/test-source', {
      token: adminToken(config),
      body,
      timeoutMs: ANSWER_TIMEOUT_MS,
    })
    return readTrial(answer, place)
  } catch (error) {
    if (!(error instanceof NoGateway)) throw error
    return alone(
      subject,
      deps,
      translate('it does not answer at {place}, where this configuration has its admin port', { place }),
    )
  }
}

/** @param why the reason for not using the running gateway */
async function alone(
  { config, target, provider }: Subject,
  { offline, log }: TestSourceDeps & { readonly log: Log },
  why: string,
): Promise<TrialReport> {
  if (provider !== undefined && isDemo(provider))
    throw new CommandError(translate('the demo vendor is part of a running gateway: start the gateway first'))
  try {
    const dir = config.state === 'off' ? undefined : config.state.path
    const report = await (await offline()).tryOffline(config, dir, target, { log })
    if (report === undefined) throw new CommandError(translate('there is no such provider'))
    return report
  } catch (error) {
    if (error instanceof VendorError) throw new UsageError(error.message, { cause: error })
    if (!(error instanceof StoreBusy)) throw error
    throw new CommandError(stateInUse(error.dir, why))
  }
}

interface Outcome {
  readonly subject: Subject
  readonly facts: LinkFacts | undefined
  readonly report: TrialReport | undefined
}

function entryOf({ provider }: Subject) {
  if (provider === undefined) return undefined
  const allowPrivate = privateProviders({ providers: [provider] }).size > 0
  return { price: provider.price, allowPrivate, sendsFields: isGateway(provider) && 'headers' in provider }
}

/** With --yaml standard output is a part of gateway.yaml, and messages go to standard error. */
function tell(options: TestSourceOptions, { out, err }: TestSourceDeps, { subject, facts, report }: Outcome): number {
  const lines = [
    ...(facts === undefined ? [] : linkLines(facts)),
    ...(report === undefined ? [] : reportLines(report, entryOf(subject))),
  ]
  if (options.json) out(`${JSON.stringify({ link: facts ?? null, report: report ?? null }, null, 2)}\n`)
  else (options.yaml ? err : out)(`${lines.join('\n')}\n`)
  if (options.yaml && !options.json && subject.reading !== undefined)
    out(providerYaml(subject.reading, yamlHelp(report)))
  const isGood = report === undefined || (report.failure === null && (report.tried === null || carried(report.tried)))
  return isGood ? exitCodes.ok : exitCodes.failed
}
