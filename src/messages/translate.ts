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

/**
 * For sentences that arrive as data: mistakes in the configuration, hints of vendors. They are made far from the terminal, and
 * programs read them in English too, so they are recognised here by their form.
 * @returns the sentence in the language of the process; parts that are not in the catalogue stay English
 */
export function translateSentence(english: string): string {
  if (currentLanguage() === 'en') return english
  return (
    inChinese(english) ??
    english
      .split('; ')
      .map((part) => inChinese(part) ?? part)
      .join('；')
  )
}

function inChinese(english: string): string | undefined {
  if (Object.hasOwn(chineseTexts, english)) return chineseTexts[english as KnownText]
  const [, first, other] = SHAPES.exec(english) ?? []
  if (first !== undefined && other !== undefined) return `${shape(first)}，或${inChinese(other) ?? other}`
  for (const { form, chinese } of sentenceForms()) {
    const found = paramsIn(english, form)
    if (found === undefined) continue
    const params = Object.entries(found).map(([name, value]) => [
      name,
      isWords(name, value) ? (inChinese(value) ?? value) : value,
    ])
    return fill(chinese, Object.fromEntries(params))
  }
  return undefined
}

/** Parameters that are words of ours and not of the file. */
const WORDS = new Set(['kind', 'problem', 'what', 'which', 'words'])

const isWords = (name: string, value: string): boolean => WORDS.has(name) || (name === 'names' && value === 'none')

/** A value that may have two shapes, as config/explain.ts puts it: `write a host, as in www.example.com or a list`. */
const SHAPES = /^write (.+) or (a list|a group of keys)$/

function shape(words: string): string {
  const sentence = `write ${words}`
  if (Object.hasOwn(chineseTexts, sentence)) return chineseTexts[sentence as KnownText]
  if (!words.startsWith('a ')) return inChinese(words) ?? inChinese(sentence) ?? words
  return fill(chineseTexts['write {choices}'], { choices: inChinese(words) ?? words })
}

interface SentenceForm {
  /** Words and names of parameters by turns. */
  readonly form: readonly string[]
  readonly chinese: string
}

let forms: readonly SentenceForm[] | undefined

/** Of sentences with parameters; those with the most words of their own first, so that a general one does not win. */
function sentenceForms(): readonly SentenceForm[] {
  forms ??= Object.entries({ ...configurationTexts, ...vendorTexts })
    .filter(([english]) => PARAMETER.test(english))
    .toSorted(([a], [b]) => ownLength(b) - ownLength(a))
    .map(([english, chinese]) => ({ form: english.split(PARAMETER), chinese }))
  return forms
}

const PARAMETER = /\{(\w+)\}/
const ownLength = (english: string): number => english.replaceAll(/\{\w+\}/g, '').length

/** @returns the parameters of a sentence of this form; undefined when it is none. A parameter is never two sentences */
function paramsIn(sentence: string, [first = '', ...rest]: readonly string[]): Record<string, string> | undefined {
  if (!sentence.startsWith(first)) return undefined
  const params: Record<string, string> = {}
  let at = first.length
  for (let n = 0; n < rest.length; n += 2) {
    const [name = '', words = ''] = rest.slice(n, n + 2)
    const isLast = n + 2 === rest.length
    const end = isLast ? sentence.length - words.length : sentence.indexOf(words, at + 1)
    const value = sentence.slice(at, Math.max(at, end))
    if (value === '' || value.includes('; ') || !sentence.startsWith(words, end)) return undefined
    params[name] = value
    at = end + words.length
  }
  return params
}
