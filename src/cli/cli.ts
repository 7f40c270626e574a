/** The command line: runs one command and explains its failure. The commands are defined in program.ts. */
import { CommanderError } from 'commander'
import { exitCodes } from './exit-codes.ts'
import { explainFailure } from './explain-failure.ts'
import { type CliDeps, createProgram } from './program.ts'

export type { CliDeps }

/**
 * Runs one command.
 * @param argv the arguments after the program's name
 * @returns the exit code; failures are already explained on standard error
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
    // Commander has printed the message; requested help is not a failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.configuration
    const failure = explainFailure(error)
    deps.err(failure.text)
    return failure.exitCode
  }
}
