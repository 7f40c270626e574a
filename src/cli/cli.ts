/** The command line: `turnpike start | check | route | reload | status | retry | test-source | try | call | vendor`. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type CallDeps, call, type OfflineCalls } from './call.ts'
import { check } from './check.ts'
import { newVendor } from './new-vendor.ts'
import { reload } from './reload.ts'
import { retry } from './retry.ts'
import { type RouteOptions, route } from './route.ts'
import { type StartDeps, type StartOptions, start } from './start.ts'
import { type StatusOptions, status } from './status.ts'
import { DEFAULT_CONFIG, type OfflineTrials, type TestSourceDeps, testSource } from './test-source.ts'
import { tryOut } from './try.ts'
import { version } from './version.ts'
import { exitCodes, explainFailure } from './words.ts'

export interface CliDeps extends StartDeps, Omit<CallDeps, 'offline'>, Omit<TestSourceDeps, 'offline'> {
  readonly offline: () => Promise<OfflineCalls & OfflineTrials>
  readonly out: (text: string) => void
}

const EPILOGUE = `
The file says where to listen, whose addresses to use and how many to buy. It defaults to ./gateway.yaml; an example for
each vendor is in config/examples/. "\${NAME}" in a value is filled from the environment, so that passwords and keys need
not be in the file.

Examples:
  turnpike start                             run the gateway of ./gateway.yaml
  turnpike check --config /etc/turnpike.yaml see whether a file is right before using it
  turnpike route www.example.com             see which rule of routes a target meets
  turnpike status                            ask a running gateway how it is
  turnpike reload                            a changed file takes effect; nothing that is open breaks
  turnpike retry qg                          a wrong key has been mended: try it now
  turnpike test-source - < link.txt          see what a link from a vendor's page brings
  turnpike try - https://example.com/        does the proxy on standard input work, without Turnpike?
  turnpike call qg                           list what can be asked of the vendor of the provider qg
  turnpike call qg share/balance             ask it
  curl -x http://127.0.0.1:8080 http://whoami.demo/     use it (gateway.yaml as shipped)

Signals: SIGHUP reloads the file. SIGINT (Ctrl-C) and SIGTERM stop accepting and let open connections finish for stop.drain; a second one, more
than a second later, ends at once.

Exit codes: 0 all is well, 1 something failed, 2 a mistake in the configuration or on the command line.`

/**
 * Runs one command.
 * @param argv what follows the program's name
 * @returns the exit code; failures have been explained on standard error
 */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  let exitCode: number = exitCodes.ok
  const program = createProgram(deps, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has said what is wrong; help that was asked for is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.configuration
    const failure = explainFailure(error)
    deps.err(failure.text)
    return failure.exitCode
  }
}

function createProgram(deps: CliDeps, finish: (exitCode: number) => void): Command {
  const program = new Command('turnpike')
    .description('A local rotating forward proxy: any program, one port, a live pool of short-lived paid proxies.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({ writeOut: deps.out, writeErr: deps.err })
    .showHelpAfterError('(turnpike --help shows what there is)')
  withConfig(
    program
      .command('start')
      .description('run the gateway until it is told to stop')
      .option('-p, --port <port>', 'listen here instead of at the first port of the file', readPort),
  ).action(async (options: StartOptions) => {
    finish(await start(options, deps))
  })
  withConfig(program.command('check').description('say whether a configuration is right, and what it would do')).action(
    ({ config }: Options) => {
      deps.out(check(config, deps.environment))
    },
  )
  addRoute(program, deps)
  withConfig(program.command('reload').description('let a running gateway take up its changed configuration')).action(
    async ({ config }: Options) => {
      deps.out(await reload(config, deps.environment))
    },
  )
  withConfig(
    program
      .command('status')
      .description('ask a running gateway how it and its providers are')
      .option('--json', 'print JSON', false),
  ).action(async (options: StatusOptions) => {
    const { text, exitCode } = await status(options, deps.environment)
    deps.out(text)
    finish(exitCode)
  })
  withConfig(
    program
      .command('retry')
      .description('let a provider that has stopped or waits try again at once')
      .argument('<provider>', 'name of the provider in the configuration'),
  ).action(async (provider: string, { config }: Options) => {
    deps.out(await retry(config, provider, deps.environment))
  })
  addTestSource(program, deps, finish)
  addTry(program, deps, finish)
  addCall(program, deps)
  addVendor(program, deps)
  return program
}

function addVendor(program: Command, deps: CliDeps): void {
  program
    .command('vendor')
    .description('write the skeleton of a vendor that turnpike does not have')
    .command('new')
    .description('make a package with table, examples and test in this folder')
    .argument('<name>', 'name of the vendor, as in acme')
    .action((name: string) => deps.out(newVendor(name, process.cwd())))
}

function addRoute(program: Command, deps: CliDeps): void {
  const command = program
    .command('route')
    .description('say which rule of routes a target meets, and where it leads')
    .argument('<target>', 'HOST or HOST:PORT; port 443 when none is given')
    .option('-u, --user <name>', 'account name of the client')
    .option('-l, --listen <port>', 'number or name of the port of the gateway; default: the first one')
    .addOption(
      new Option('-m, --method <method>', 'how the client asks')
        .choices(['CONNECT', 'plain', 'socks'])
        .default('CONNECT'),
    )
  withConfig(command).action((target: string, { config, ...options }: Options & RouteOptions) => {
    deps.out(route(config, deps.environment, target, options))
  })
}

const TEST_HELP = `
Recognises the vendor of a link, makes one call for as few addresses as possible, and shows what the reply says, what it
costs, and what is wrong. No client is lent what it brings. The call goes through the running gateway, in its limits and
budget; where none runs, it takes the store. A link is a secret: give it on standard input, with - in its place.
Exit code 1: no addresses came.`

function addTestSource(program: Command, deps: CliDeps, finish: (exitCode: number) => void): void {
  const command = program
    .command('test-source')
    .description('see what a pasted link or a provider brings, by one call')
    .argument('<source>', "a link from a vendor's page, the name of a provider, or - for standard input")
    .option('-p, --product <name>', 'what a link is for, where it does not tell')
    .option('--yaml', "write the link's entry for gateway.yaml to standard output", false)
    .option('--json', 'print JSON', false)
    .option('--try <url>', 'request this URL through the first address, with a library that is not Turnpike')
    .option('--dry-run', 'call nobody: only say what the link is', false)
    .addHelpText('after', TEST_HELP)
  withConfig(command).action(async (source: string, { product, ...options }: TestSourceOptions) => {
    finish(await testSource({ source, product, try: options.try, ...options }, deps))
  })
}

interface TestSourceOptions extends Options {
  readonly try?: string
  readonly product?: string
  readonly yaml: boolean
  readonly json: boolean
  readonly dryRun: boolean
}

const TRY_HELP = `
A second opinion: one GET through the proxy with libraries that have no part in Turnpike (undici, socks), so that you see
whether the proxy or Turnpike is at fault. An address is host:port, host:port:user:password or a URL, as in
socks5://user:password@host:port; give one with a login on standard input, with - in its place. For the name of a provider one
call brings an address first, as test-source does.
Exit code 1: the proxy did not carry the request.`

function addTry(program: Command, deps: CliDeps, finish: (exitCode: number) => void): void {
  const command = program
    .command('try')
    .description('request a URL through one proxy address, without Turnpike')
    .argument('<proxy>', 'an address, the name of a provider, or - for standard input')
    .argument('<url>', 'what to request')
    .option('--json', 'print JSON', false)
    .addHelpText('after', TRY_HELP)
  withConfig(command).action(async (what: string, url: string, options: Options & { readonly json: boolean }) => {
    finish(await tryOut({ what, url, ...options }, deps))
  })
}

const CALL_HELP = `
Without an operation, lists the provider's operations with their parameters. What buys, changes or deletes something says so
and wants --yes. The call goes through the running gateway, in its limits and budget; where none runs, it takes the store.
A value of - is read from standard input, for what must not be seen on the command line. Secrets are shown as ***.`

function addCall(program: Command, deps: CliDeps): void {
  const command = program
    .command('call')
    .description("call an operation of a provider's vendor, or list them")
    .argument('<provider>', 'name of the provider in the configuration')
    .argument('[operation]', 'as listed')
    .argument('[params...]', "name=value, in the vendor's own names")
    .option('-y, --yes', 'do it, although it buys, changes or deletes something', false)
    .option('--json', 'print JSON', false)
    .addHelpText('after', CALL_HELP)
  withConfig(command).action(
    async (provider: string, operation: string | undefined, params: string[], options: CallOptions) => {
      deps.out(await call({ provider, operation, params, ...options }, deps))
    },
  )
}

interface CallOptions extends Options {
  readonly yes: boolean
  readonly json: boolean
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return port
}

interface Options {
  readonly config: string
}

function withConfig(command: Command): Command {
  return command.option('-c, --config <file>', 'configuration file', DEFAULT_CONFIG)
}
