/** The command line: runs one command and explains its failure. What the commands are is in program.ts. */
import { CommanderError } from 'commander'
import { type CliDeps, createProgram } from './program.ts'
import { exitCodes, explainFailure } from './words.ts'

export type { CliDeps }

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
