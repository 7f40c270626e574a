/**
 * The language of messages for the user of this process: terminal output, help, mistakes in the configuration, hints. Log messages
 * and answers to clients are always in English: users search for them, and programs read them.
 */
import { fill, type Language, type Text, type TextParams } from './text.ts'

/** The locale names of simplified Chinese: zh, zh_CN, zh_SG, zh_Hans, with or without an encoding. */
const CHINESE = /^zh([_-](CN|SG|Hans([_-]\w+)?))?([.@]|$)/i

/**
 * The language that the environment asks for: LC_ALL, LC_MESSAGES, LANG; the first that is not empty decides
 * (POSIX.1-2017 section 8.2).
 */
export function languageOf(environment: Readonly<Record<string, string | undefined>>): Language {
  const locale = environment['LC_ALL'] || environment['LC_MESSAGES'] || environment['LANG'] || ''
  return CHINESE.test(locale) ? 'zh' : 'en'
}

let current: Language = 'en'

/** Set once per process, before the first message; tests restore it. */
export function useLanguage(language: Language): void {
  current = language
}

export const currentLanguage = (): Language => current

/** A text in the language of the process. */
export function say(text: Text, params?: TextParams): string {
  return fill(text[current], params)
}
