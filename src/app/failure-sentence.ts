/** One sentence for a failure, in the language of the process. */
import { CommandError } from '../command-error.ts'
import type { Config } from '../config/schema.ts'
import { GatewayError } from '../errors.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { StoreError } from '../store/errors.ts'

/**
 * A failure other than mistakes in the configuration.
 * @param config the configuration of the command, if it was read before the failure: used to name the key to change
 */
export function sentenceOf(error: unknown, config?: Config): string {
  // Errors of commands are already in the language of the process; other errors are made without knowledge of the language.
  if (error instanceof CommandError) return error.message
  if (error instanceof GatewayError || error instanceof StoreError) return translateSentence(error.message)
  return explainListening(error, config) ?? translate('unexpected error: {error}', { error: describe(error) })
}

/** Loggable facts of an unexpected error: without its cause and members, which may contain anything. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'something that is no Error was thrown'
  const place = error.stack?.split('\n').find((line) => line.startsWith('    at '))
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (${place.trim()})`}`
}

interface ListenFailure {
  readonly code: string
  readonly address: string
  readonly port: number | undefined
}

function explainListening(error: unknown, config: Config | undefined): string | undefined {
  const failure = listenFailure(error)
  if (failure === undefined) return undefined
  const { code, address, port } = failure
  const facts = { port: port ?? '', address, key: keyOf(failure, config) }
  switch (code) {
    case 'EADDRINUSE':
      return translate(
        'port {port} on {address} is in use: stop the program that listens there, or change {key}.port',
        facts,
      )
    case 'EACCES':
      return translate(
        'this user may not listen on port {port} of {address}: choose a port above 1023 in {key}.port',
        facts,
      )
    case 'ENOTSUP':
      return translate('this system cannot share port {port} between processes: leave out {key}.shared', facts)
    case 'EADDRNOTAVAIL':
      return translate('{address} is not an address of this machine: change {key}.host', facts)
    default:
      return translate('the name {address} has no address: change {key}.host', facts)
  }
}

const LISTEN_CODES = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTSUP', 'ENOTFOUND', 'EAI_AGAIN'])

/** Node's error of a failed listen(), wrapped or not. */
function listenFailure(error: unknown): ListenFailure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, syscall, address, hostname, port } = cause as NodeJS.ErrnoException & {
      address?: string
      hostname?: string
      port?: number
    }
    const isListening = syscall === 'listen' || syscall === 'getaddrinfo'
    if (isListening && code !== undefined && LISTEN_CODES.has(code))
      return { code, address: address ?? hostname ?? 'this host', port }
  }
  return undefined
}

/** The part of the configuration that asked for the port: found by port and address, or by the known one of the two. */
function keyOf({ address, port }: ListenFailure, config: Config | undefined): string {
  const admin = config === undefined || config.admin === 'off' ? [] : [{ ...config.admin, key: 'admin' }]
  const places = [...(config?.listen.map(({ host, port }, i) => ({ host, port, key: `listen[${i}]` })) ?? []), ...admin]
  const exact = places.find((place) => place.host === address && place.port === port)
  const near = places.find((place) => (port === undefined ? place.host === address : place.port === port))
  return (exact ?? near)?.key ?? 'listen[]'
}
