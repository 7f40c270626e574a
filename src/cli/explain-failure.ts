/** Turns failures of a command into lines for the terminal and an exit code. */

import { sentenceOf } from '../app/failure-sentence.ts'
import { UsageError } from '../command-error.ts'
import type { Config } from '../config/schema.ts'
import { ConfigError, type ConfigProblem, problemLine } from '../errors.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { exitCodes } from './exit-codes.ts'

/**
 * @param config the configuration of the command, if it was read before the failure: used to name the key to change
 * @returns lines for standard error; never a stack trace. Mistakes in a file begin with file:line:column, the format of editors
 */
export function explainFailure(error: unknown, config?: Config): { readonly text: string; readonly exitCode: number } {
  if (error instanceof ConfigError) {
    const { file, problems } = error
    const count =
      problems.length === 1
        ? translate('{file} has one mistake', { file })
        : translate('{file} has {count} mistakes', { file, count: problems.length })
    return {
      text: `${problems.map((problem) => translatedLine(file, problem)).join('\n')}\n${count}\n`,
      exitCode: exitCodes.configuration,
    }
  }
  const exitCode = error instanceof UsageError ? exitCodes.configuration : exitCodes.failed
  return { text: `turnpike: ${sentenceOf(error, config)}\n`, exitCode }
}

function translatedLine(file: string, problem: ConfigProblem): string {
  return problemLine(file, { ...problem, message: translateSentence(problem.message) })
}
