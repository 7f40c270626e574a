/** The commands that call a vendor: `turnpike test-source | try | call | areas`. */
import type { Command } from 'commander'
import { translate } from '../messages/translate.ts'
import { type AreasOptions, areas } from './areas.ts'
import { type CallDeps, type CallOptions, call, type OfflineCalls } from './call.ts'
import { type ConfigOption, withConfig } from './config-option.ts'
import { examples } from './help.ts'
import { type OfflineTrials, type TestSourceDeps, type TestSourceOptions, testSource } from './test-source.ts'
import { tryOut } from './try.ts'

export interface VendorCommandDeps extends Omit<CallDeps, 'offline'>, Omit<TestSourceDeps, 'offline'> {
  readonly offline: () => Promise<OfflineCalls & OfflineTrials>
}

/**
 * `test-source` and `try`: test a source or one proxy outside of client traffic.
 * @param finish receives the exit code, which may tell a failure without an error
 */
export function addTrials(program: Command, deps: VendorCommandDeps, finish: (exitCode: number) => void): void {
  trial(program, {
    name: 'test-source',
    description: translate('call a pasted link or a provider once, and show what it brings'),
    argument: ['<source>', translate("a link from a vendor's page, the name of a provider, or - for standard input")],
    explanation:
      translate(`Recognises the vendor of a link, makes one call for as few addresses as possible, and shows what the reply says, what it costs
and what is wrong. No client is lent these addresses. The call goes through the running gateway, within its limits and budget; without
a running gateway it uses the state folder. A link is a secret: use - and standard input.
Exit code 1: no addresses came.`),
    examples: [
      ['turnpike test-source - < link.txt', 'what a link brings'],
      ['turnpike test-source - --yaml < link.txt', 'and its entry for gateway.yaml'],
      ['turnpike test-source qg --try https://example.com/', 'a provider, and one request through its address'],
    ],
  })
    .option('-p, --product <name>', translate('product that the link is for, if the link does not say'))
    .option('--yaml', translate('write the entry for gateway.yaml to standard output'), false)
    .option('--try <url>', translate('request this URL through the first address, with a library that is not Turnpike'))
    .option('--dry-run', translate('make no call: only show what the link is'), false)
    .action(async (source: string, options: Omit<TestSourceOptions, 'source'>) =>
      finish(await testSource({ ...options, source }, deps)),
    )
  trial(program, {
    name: 'try',
    description: translate('request a URL through one proxy address, without Turnpike'),
    argument: ['<proxy>', translate('an address, the name of a provider, or - for standard input')],
    explanation:
      translate(`A second opinion: one GET through the proxy with libraries that are no part of Turnpike (undici, socks), so that you see whether the
proxy or Turnpike is at fault. An address is host:port, host:port:user:password or a URL, as in socks5://user:password@host:port; give
one with a login on standard input, with - in its place. For the name of a provider one call brings an address first, as test-source
does.
Exit code 1: the proxy did not carry the request.`),
    examples: [
      ['turnpike try 203.0.113.7:8080 https://example.com/', 'a proxy without a login'],
      ['turnpike try - https://example.com/ < proxy.txt', 'a proxy with a login'],
    ],
  })
    .argument('<url>', translate('URL to request'))
    .action(async (what: string, url: string, options: ConfigOption & { readonly json: boolean }) =>
      finish(await tryOut({ what, url, ...options }, deps)),
    )
}

interface Trial {
  readonly name: string
  readonly description: string
  readonly argument: readonly [name: string, description: string]
  readonly explanation: string
  readonly examples: Parameters<typeof examples>[0]
}

function trial(program: Command, { name, description, argument, explanation, examples: shown }: Trial): Command {
  const command = program
    .command(name)
    .description(description)
    .argument(...argument)
    .option('--json', translate('print JSON'), false)
    .addHelpText('after', () => `\n${explanation}\n${examples(shown)}`)
  return withConfig(command)
}

export function addCall(program: Command, deps: VendorCommandDeps): void {
  const command = program
    .command('call')
    .description(translate("call an operation of a provider's vendor, or list the operations"))
    .argument('<provider>', translate('name of the provider in the configuration'))
    .argument('[operation]', translate('as listed'))
    .argument('[params...]', translate("name=value, in the vendor's own names"))
    .option('-y, --yes', translate('confirm an operation that buys, changes or deletes something'), false)
    .option('--json', translate('print JSON'), false)
    .option('--reveal', translate('show, on a terminal, a password that the vendor makes up for this call'), false)
    .addHelpText(
      'after',
      () =>
        `\n${translate(`Without an operation, lists the provider's operations with their parameters. An operation that buys, changes or deletes something
needs --yes. The call goes through the running gateway, within its limits and budget; without a running gateway it uses the state
folder. A value of - is read from standard input, for secrets. Secrets are shown as ***.`)}\n${examples([
          ['turnpike call qg', 'list the operations of the vendor of the provider qg'],
          ['turnpike call qg share/balance', 'call one'],
          ['turnpike call qg share-channel/get num=2 --yes', 'buy two addresses'],
        ])}`,
    )
  withConfig(command).action(
    async (
      provider: string,
      operation: string | undefined,
      params: string[],
      options: Omit<CallOptions, 'provider' | 'operation' | 'params'>,
    ) => deps.out(await call({ provider, operation, params, ...options }, deps)),
  )
}

export function addAreas(program: Command, deps: VendorCommandDeps): void {
  const command = program
    .command('areas')
    .description(translate("list the areas or lines of a provider's vendor, as values for request"))
    .argument('<provider>', translate('name of the provider in the configuration'))
    .argument('[words...]', translate('only those with these words'))
    .option('--json', translate('print JSON'), false)
  withConfig(command).action(
    async (provider: string, words: string[], options: Omit<AreasOptions, 'provider' | 'words'>) =>
      deps.out(await areas({ provider, words, ...options }, deps)),
  )
}
