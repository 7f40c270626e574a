/**
 * Translates English sentences of the code into the language of the process. The English sentence is the key of its
 * translation: the code stays readable, and a sentence without a translation is a type error.
 */

import { chineseCallRefusal } from './call-refusals.ts'
import { commandTexts } from './chinese/commands.ts'
import { helpTexts } from './chinese/help.ts'
import { chineseDescription } from './chinese/operations.ts'
import { currentLanguage } from './language.ts'
import { chineseSentence, sentenceTexts } from './recognise.ts'
import { fill, type TextParams } from './text.ts'

/** English sentence -> Chinese sentence. `{name}` stands for a parameter in both. */
export const chineseTexts = { ...helpTexts, ...commandTexts, ...sentenceTexts } as const

export type KnownText = keyof typeof chineseTexts

/** @param params values for the `{name}`s of the sentence; a missing one leaves `{name}` */
export function translate(english: KnownText, params?: TextParams): string {
  return fill(currentLanguage() === 'zh' ? chineseTexts[english] : english, params)
}

/** For descriptions of vendors' operations and parameters. @returns as `translateSentence` */
export function translateDescription(english: string): string {
  return currentLanguage() === 'en' ? english : chineseDescription(english)
}

/** For what a call by hand is refused with, and its warnings: they contain descriptions. @returns as `translateSentence` */
export function translateCallRefusal(english: string): string {
  return currentLanguage() === 'en' ? english : chineseCallRefusal(english)
}

/** For sentences that arrive as data. @returns the sentence in the language of the process; an unknown one stays in English */
export function translateSentence(english: string): string {
  return currentLanguage() === 'en' ? english : chineseSentence(english)
}
