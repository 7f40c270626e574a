/** Commands that call and print, run in this process: nothing is started. */
import { expect } from 'vitest'
import { type CliDeps, runCli } from '../../src/cli/cli.ts'
import { noTakeover, noWorkers } from './no-takeover.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** @param options.secrets what must not be printed */
export async function runCommand(
  args: readonly string[],
  { input, secrets }: { readonly input: string; readonly secrets: readonly string[] },
): Promise<Said> {
  const said = { out: '', err: '' }
  const unused = () => expect.fail('not for this command')
  const deps: CliDeps = {
    startApp: unused,
    offline: () => import('../../src/app/offline.ts'),
    input: async () => input,
    environment: {},
    nextLine: unused,
    isInputTerminal: false,
    terminalSize: unused,
    clock: { now: () => 0 } as unknown as CliDeps['clock'],
    process: { on: unused, off: unused },
    takeover: noTakeover,
    workers: noWorkers,
    isTerminal: false,
    tidy: unused,
    exit: unused,
    kill: unused,
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
  }
  const code = await runCli(args, deps)
  for (const secret of secrets) expect(said.out + said.err).not.toContain(secret)
  return { code, ...said }
}
