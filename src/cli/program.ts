/** The commands with their arguments, options and help: `turnpike start | check | init | add | ...`. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { translate } from '../messages/translate.ts'
import { type AddOptions, add } from './add.ts'
import { type AreasOptions, areas } from './areas.ts'
import { type CallDeps, type CallOptions, call, type OfflineCalls } from './call.ts'
import { check } from './check.ts'
import { addHelp, commanderError, examples, styledHelp } from './help.ts'
import { type InitDeps, type InitOptions, init } from './init.ts'
import { newVendor } from './new-vendor.ts'
import { reload } from './reload.ts'
import { retry } from './retry.ts'
import { type RouteOptions, route } from './route.ts'
import { type StartDeps, type StartOptions, start } from './start.ts'
import { type StatusOptions, status } from './status.ts'
import {
  DEFAULT_CONFIG,
  type OfflineTrials,
  type TestSourceDeps,
  type TestSourceOptions,
  testSource,
} from './test-source.ts'
import { tryOut } from './try.ts'
import { version } from './version.ts'
import { type WatchDeps, watchStatus } from './watch.ts'

export interface CliDeps
  extends StartDeps,
    Omit<WatchDeps, 'process'>,
    InitDeps,
    Omit<CallDeps, 'offline'>,
    Omit<TestSourceDeps, 'offline'> {
  readonly offline: () => Promise<OfflineCalls & OfflineTrials>
}

type Finish = (exitCode: number) => void

interface Options {
  readonly config: string
}

/** @param finish receives the exit code of a command that may fail without an error */
export function createProgram(deps: CliDeps, finish: Finish): Command {
  const program = new Command('turnpike')
    .description(
      translate('A local rotating forward proxy: any program, one port, a live pool of short-lived paid proxies.'),
    )
    .version(version(), '-V, --version', translate('print the version'))
    .helpOption('-h, --help', translate('print this help'))
    .exitOverride()
    .configureHelp(styledHelp())
    .configureOutput({
      writeOut: deps.out,
      writeErr: deps.err,
      outputError: (text, write) => write(commanderError(text)),
    })
    .showHelpAfterError(translate('(turnpike --help lists the commands)'))
  program.addHelpText('after', () => overview())
  addStart(program, deps, finish)
  addConfigured(program, deps)
  addInit(program, deps)
  addAdd(program, deps)
  addRoute(program, deps)
  addStatus(program, deps, finish)
  addTrials(program, deps, finish)
  addCall(program, deps)
  addAreas(program, deps)
  addVendor(program, deps)
  addHelp(program)
  for (const command of program.commands)
    command.showHelpAfterError(translate('(turnpike {name} --help shows how it is used)', { name: command.name() }))
  return program
}

function overview(): string {
  const text =
    translate(`The configuration is ./gateway.yaml unless --config names another file. It says where to listen, whose addresses to use and how
many to buy. "\${NAME}" in a value is filled from the environment, else from the file .env beside the configuration.

Signals: SIGHUP reloads the file. SIGINT (Ctrl-C) and SIGTERM stop accepting and let open connections finish for stop.drain; a
second one, more than a second later, ends at once.

Exit codes: 0 success, 1 something failed, 2 a mistake in the configuration or on the command line.`)
  return `\n${text}\n${examples([
    ['turnpike init', 'write ./gateway.yaml for your vendor'],
    ['turnpike start', 'run the gateway'],
    ['curl -x http://127.0.0.1:8080 http://whoami.demo/', 'use it (gateway.yaml as shipped)'],
    ['turnpike status --watch', 'watch it'],
    ['turnpike help test-source', 'the help of one command'],
  ])}`
}

function addStart(program: Command, deps: CliDeps, finish: Finish): void {
  withConfig(
    program
      .command('start')
      .description(translate('run the gateway until a signal stops it'))
      .option(
        '-p, --port <port>',
        translate('listen on this port instead of the first port of the configuration'),
        readPort,
      )
      .option('--takeover', translate('take ports and state over from the gateway that runs on the same state folder'))
      .addHelpText('after', () =>
        examples([
          ['turnpike start', 'run the gateway of ./gateway.yaml'],
          ['turnpike start --config /etc/turnpike/gateway.yaml', 'run the gateway of another file'],
          ['turnpike start --port 9090', 'when port 8080 is in use'],
          ['turnpike start --takeover', 'another version takes over: no client is refused'],
        ]),
      ),
  ).action(async (options: StartOptions) => finish(await start(options, deps)))
}

/** Commands whose only input is a configuration. */
function addConfigured(program: Command, { environment, out }: CliDeps): void {
  withConfig(
    program
      .command('check')
      .description(translate('check a configuration and show what it would do'))
      .addHelpText('after', () =>
        examples([
          ['turnpike check', 'check ./gateway.yaml'],
          ['turnpike check --config new.yaml', 'check a file before it is used'],
        ]),
      ),
  ).action(({ config }: Options) => out(check(config, environment)))
  withConfig(
    program
      .command('reload')
      .description(translate('make a running gateway read its configuration again'))
      .addHelpText('after', () =>
        examples([['turnpike reload', 'a changed file takes effect; open connections go on']]),
      ),
  ).action(async ({ config }: Options) => out(await reload(config, environment)))
  withConfig(
    program
      .command('retry')
      .description(translate('let a provider that has stopped or waits try again at once'))
      .argument('<provider>', translate('name of the provider in the configuration'))
      .addHelpText('after', () => examples([['turnpike retry qg', 'after the key was corrected at the vendor']])),
  ).action(async (provider: string, { config }: Options) => out(await retry(config, provider, environment)))
}

function addInit(program: Command, deps: CliDeps): void {
  withConfig(
    program
      .command('init')
      .description(translate('write a configuration for a vendor, and .env.example with its variables'))
      .option('--vendor <name>', translate('vendor, instead of the question'))
      .option('--product <name>', translate('product of the vendor, instead of the question'))
      .addHelpText('after', () =>
        examples([
          ['turnpike init', 'asks for vendor and product'],
          ['turnpike init --vendor qg --product share-channel', 'asks nothing'],
          ["printf 'qg\\nshare-channel\\n' | turnpike init", 'answers from a pipe'],
        ]),
      ),
  ).action(async (options: InitOptions) => deps.out(await init(options, deps)))
}

function addAdd(program: Command, deps: CliDeps): void {
  withConfig(
    program
      .command('add')
      .description(translate('add a provider to the configuration, from an extraction link'))
      .argument('<link>', translate("a link from a vendor's page, or - for standard input"))
      .option('-n, --name <name>', translate('name of the provider; default: the name of the vendor'))
      .option('-p, --product <name>', translate('product that the link is for, if the link does not say'))
      .addHelpText(
        'after',
        () =>
          `\n${translate(`Comments and everything else in the file stay as they are. Secrets of the link are written to the file .env beside the
configuration and never printed. Nothing is called. A link is a secret: use - and standard input to keep it out of the history of
the shell.`)}\n${examples([
            ['turnpike add - < link.txt', 'add the link in a file'],
            ['turnpike add - --name qg-a --product share-pool < link.txt', 'with a name and a product'],
          ])}`,
      ),
  ).action(async (link: string, options: AddOptions) => deps.out(await add(link, options, deps)))
}

function addVendor(program: Command, { out }: CliDeps): void {
  program
    .command('vendor')
    .description(translate('make a package for a vendor that turnpike does not have'))
    .command('new')
    .description(translate('write a package with table, examples and test into this folder'))
    .argument('<name>', translate('name of the vendor, as in acme'))
    .addHelpText('after', () => examples([['turnpike vendor new acme', 'writes ./turnpike-vendor-acme/']]))
    .action((name: string) => out(newVendor(name, process.cwd())))
}

function addRoute(program: Command, deps: CliDeps): void {
  const command = program
    .command('route')
    .description(translate('show which rule of routes matches a target, and where it leads'))
    .argument('<target>', translate('HOST or HOST:PORT; default port: 443'))
    .option('-u, --user <name>', translate('account name of the client'))
    .option('-l, --listen <port>', translate('number or name of the port of the gateway; default: the first one'))
    .addOption(
      new Option('-m, --method <method>', translate('how the client connects'))
        .choices(['CONNECT', 'plain', 'socks'])
        .default('CONNECT'),
    )
    .addHelpText('after', () =>
      examples([
        ['turnpike route www.example.com', 'HTTPS through the first port'],
        ['turnpike route example.com:80 --user alice --method plain', 'plain HTTP of one user'],
      ]),
    )
  withConfig(command).action((target: string, { config, ...options }: Options & RouteOptions) =>
    deps.out(route(config, deps.environment, target, options)),
  )
}

function addStatus(program: Command, deps: CliDeps, finish: Finish): void {
  const command = program
    .command('status')
    .description(translate('show the state of a running gateway and of its providers'))
    .option('--json', translate('print JSON'), false)
    .addOption(new Option('-w, --watch', translate('show it live until Ctrl-C')).default(false).conflicts('json'))
    .addHelpText('after', () =>
      examples([
        ['turnpike status', 'exit code 0 when the gateway is ready, else 1'],
        ['turnpike status --watch', 'verdict, rates, pool and providers, every second'],
        ['turnpike status --json | jq .providers', 'for programs'],
      ]),
    )
  withConfig(command).action(async ({ watch, ...options }: StatusOptions & { readonly watch: boolean }) => {
    if (watch) return finish(await watchStatus(options, deps))
    const { text, exitCode } = await status(options, deps.environment)
    deps.out(text)
    finish(exitCode)
  })
}

/** `test-source` and `try`: test a source or one proxy outside of client traffic. */
function addTrials(program: Command, deps: CliDeps, finish: Finish): void {
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
    .action(async (what: string, url: string, options: Options & { readonly json: boolean }) =>
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

function addCall(program: Command, deps: CliDeps): void {
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

function addAreas(program: Command, deps: CliDeps): void {
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

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError(translate('A port is a number from 0 to 65535.'))
  return port
}

function withConfig(command: Command): Command {
  return command.option('-c, --config <file>', translate('configuration file'), DEFAULT_CONFIG)
}
