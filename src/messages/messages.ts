/** Words a message in the reader's language. */
import { en } from './en.ts'
import { zh } from './zh.ts'

export type Language = 'en' | 'zh'
export type MessageKey = keyof typeof en
export type MessageParams = Readonly<Record<string, string | number>>

export const languages: Readonly<Record<Language, Readonly<Record<MessageKey, string>>>> = { en, zh }

/** @param params what stands for `{name}` in the sentence; a name that is missing stays as it is */
export function word(language: Language, key: MessageKey, params: MessageParams = {}): string {
  return languages[language][key].replaceAll(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(params, name) ? String(params[name]) : placeholder,
  )
}
