/** The commands with their arguments, options and help: `turnpike start | check | init | add | ...`. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { translate } from '../messages/translate.ts'
import { type AddOptions, add } from './add.ts'
import { check } from './check.ts'
import { type ConfigOption, withConfig } from './config-option.ts'
import { addHelp, commanderError, examples, styledHelp } from './help.ts'
import { type InitDeps, type InitOptions, init } from './init.ts'
import { newVendor } from './new-vendor.ts'
import { reload } from './reload.ts'
import { retry } from './retry.ts'
import { type RouteOptions, route } from './route.ts'
import { type StartDeps, type StartOptions, start } from './start.ts'
import { type StatusOptions, status } from './status.ts'
import { addAreas, addCall, addTrials, type VendorCommandDeps } from './vendor-commands.ts'
import { version } from './version.ts'
import { type WatchDeps, watchStatus } from './watch.ts'

export interface CliDeps extends StartDeps, Omit<WatchDeps, 'process'>, InitDeps, VendorCommandDeps {}

type Finish = (exitCode: number) => void

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
  ).action(({ config }: ConfigOption) => out(check(config, environment)))
  withConfig(
    program
      .command('reload')
      .description(translate('make a running gateway read its configuration again'))
      .addHelpText('after', () =>
        examples([['turnpike reload', 'a changed file takes effect; open connections go on']]),
      ),
  ).action(async ({ config }: ConfigOption) => out(await reload(config, environment)))
  withConfig(
    program
      .command('retry')
      .description(translate('let a provider that has stopped or waits try again at once'))
      .argument('<provider>', translate('name of the provider in the configuration'))
      .addHelpText('after', () => examples([['turnpike retry qg', 'after the key was corrected at the vendor']])),
  ).action(async (provider: string, { config }: ConfigOption) => out(await retry(config, provider, environment)))
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
    .helpCommand('help [command]', translate('print the help of a command'))
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
  withConfig(command).action((target: string, { config, ...options }: ConfigOption & RouteOptions) =>
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

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError(translate('A port is a number from 0 to 65535.'))
  return port
}
