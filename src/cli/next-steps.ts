/** The commands that `turnpike init` and `turnpike add` advise to run next. */
import { resolve } from 'node:path'
import { type KnownText, translate } from '../messages/translate.ts'
import { DEFAULT_CONFIG } from './config-option.ts'

/** One line: the command and its purpose. */
export const step = (command: string, words: KnownText, params?: Readonly<Record<string, string>>): string =>
  `  ${command.padEnd(32)}  ${translate(words, params)}`

/** ` --config FILE`, which commands need for a file that is not the default; else nothing. */
export const configFlag = (file: string): string =>
  resolve(file) === resolve(DEFAULT_CONFIG) ? '' : ` --config ${file}`
