/**
 * Sentences that stand in the code in English, in the language of the process. The English sentence is the key of its
 * translation, so that the code stays readable and a sentence without a translation is a type error.
 */
import { commandTexts } from './chinese/commands.ts'
import { configurationTexts } from './chinese/configuration.ts'
import { helpTexts } from './chinese/help.ts'
import { vendorTexts } from './chinese/vendors.ts'
import { currentLanguage } from './language.ts'
import { fill, type TextParams } from './text.ts'

/** English sentence -> Chinese sentence. `{name}` stands for a parameter in both. */
export const chineseTexts = { ...helpTexts, ...commandTexts, ...configurationTexts, ...vendorTexts } as const

export type KnownText = keyof typeof chineseTexts

/** @param params for the `{name}`s of the sentence; one that is missing stays as it is */
export function translate(english: KnownText, params?: TextParams): string {
  return fill(currentLanguage() === 'zh' ? chineseTexts[english] : english, params)
}

/** For words that arrive as data, as the hint of an error: what is not in the catalogue stays English. */
export function translateIfKnown(english: string): string {
  const isKnown = currentLanguage() === 'zh' && Object.hasOwn(chineseTexts, english)
  return isKnown ? chineseTexts[english as KnownText] : english
}
