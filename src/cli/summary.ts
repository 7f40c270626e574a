/** The summary that `turnpike start` prints on a terminal when the gateway listens. It fits 24 lines by 80 columns. */
import { styleText } from 'node:util'
import { type Address, formatAuthority, reachableHost } from '../address.ts'
import { type Config, isDemo } from '../config/schema.ts'
import { warningsOf } from '../config/warnings.ts'
import { say } from '../messages/language.ts'
import { terminal } from '../messages/terminal.ts'
import type { Text } from '../messages/text.ts'
import { translateSentence } from '../messages/translate.ts'
import type { Secret } from '../secret.ts'
import { describeListener, describeProvider } from './describe-config.ts'
import { displayWidth, oneLine } from './table.ts'

interface RunningGateway {
  readonly version: string
  /** Where clients connect, in the order of `listen`. */
  readonly addresses: readonly Address[]
  readonly admin: Address | undefined
  /** Part of the fragment of the dashboard link: browsers do not send the fragment. */
  readonly token: Secret | undefined
}

/** More lines would not fit on the screen. */
const MAX_PROVIDERS = 8
const INDENT = 2

type Row = readonly [title: Text, text: string]

/**
 * Contains the admin token: only for a terminal, never for a log or a pipe.
 * @returns lines, each with its line feed
 */
export function startSummary(config: Config, gateway: RunningGateway): string {
  const rows: Row[] = [
    ...gateway.addresses.map((address, index): Row => [terminal.proxy, listenerText(config, address, index)]),
    [terminal.dashboard, dashboardText(gateway)],
    ...providerRows(config),
    [terminal.state, config.state === 'off' ? say(terminal.inMemory) : config.state.path],
    ...warningsOf(config).map(({ path, message }): Row => [terminal.warning, `${path} ${translateSentence(message)}`]),
    [terminal.try, tryText(config, gateway.addresses)],
    [terminal.stop, say(terminal.stopKeys)],
  ]
  const width = Math.max(...rows.map(([title]) => displayWidth(say(title))))
  const lines = rows.map(([title, text], index) => {
    const isRepeated = rows[index - 1]?.[0] === title
    const words = isRepeated ? '' : say(title)
    const space = ' '.repeat(width - displayWidth(words) + INDENT)
    return `${' '.repeat(INDENT)}${styleText('cyan', words)}${space}${oneLine(text)}\n`
  })
  return `\n${styleText('bold', say(terminal.title, { version: gateway.version }))}\n\n${lines.join('')}\n`
}

function listenerText({ listen }: Config, address: Address, index: number): string {
  const place = formatAuthority(address.host, address.port)
  const listener = listen[index]
  return listener === undefined ? place : describeListener(listener, place)
}

/** The link of the dashboard, which reads the token from the fragment. */
function dashboardText({ admin, token }: RunningGateway): string {
  if (admin === undefined) return say(terminal.off)
  const fragment = token === undefined ? '' : `#token=${encodeURIComponent(token.reveal())}`
  return `http://${formatAuthority(reachableHost(admin.host), admin.port)}/${fragment}`
}

function providerRows({ providers }: Config): Row[] {
  const shown = providers
    .slice(0, MAX_PROVIDERS)
    .map((provider): Row => [terminal.provider, describeProvider(provider)])
  const rest = providers.length - shown.length
  return rest === 0 ? shown : [...shown, [terminal.provider, say(terminal.moreProviders, { count: rest })]]
}

/** A command that uses a port of the gateway. The password is not shown on the screen. */
export function tryText({ listen, providers }: Config, addresses: readonly Address[], index = 0): string {
  const address = addresses[index]
  if (address === undefined) return ''
  const user = listen[index]?.users?.[0]?.name
  const login = user === undefined ? '' : ` -U ${user}:PASSWORD`
  const page = providers.some(isDemo) ? 'http://whoami.demo/' : 'https://example.com/'
  const scheme = listen[index]?.tls === undefined ? 'http' : 'https'
  return `curl -x ${scheme}://${formatAuthority(reachableHost(address.host), address.port)}${login} ${page}`
}
