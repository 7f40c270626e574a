/**
 * Translates English sentences that arrive as data into Chinese: mistakes in the configuration, errors, hints of vendors. They are
 * made in other modules, and programs read them in English too, so they are recognised here by their form.
 */
import { apiTexts } from './chinese/api.ts'
import { configurationTexts } from './chinese/configuration.ts'
import { errorTexts } from './chinese/errors.ts'
import { vendorTexts } from './chinese/vendors.ts'
import { fill } from './text.ts'

/** English sentence -> Chinese sentence. `{name}` stands for a parameter in both. */
export const sentenceTexts = { ...configurationTexts, ...vendorTexts, ...errorTexts, ...apiTexts } as const

/** @returns the sentence in Chinese; parts that are not in the catalogue stay in English */
export function chineseSentence(english: string): string {
  return (
    inChinese(english) ??
    hinted(english) ??
    english
      .split('; ')
      .map((part) => inChinese(part) ?? hinted(part) ?? part)
      .join('；')
  )
}

/** `extract: the vendor answered with HTTP 503`, and `words of the vendor (what to do)`. */
function hinted(english: string): string | undefined {
  const open = english.lastIndexOf(' (')
  if (open > 0 && english.endsWith(')')) {
    const words = english.slice(0, open)
    const hint = english.slice(open + 2, -1)
    const [ours, what] = [chineseWords(words), chineseWords(hint)]
    if (ours !== undefined || what !== undefined) return `${ours ?? words}（${what ?? hint}）`
  }
  return chineseWords(english)
}

function chineseWords(english: string): string | undefined {
  const known = inChinese(english)
  if (known !== undefined) return known
  const colon = english.indexOf(': ')
  const place = english.slice(0, colon)
  const rest = inChinese(english.slice(colon + 2))
  return colon < 0 || rest === undefined || !/^[\w./[\]-]+$/.test(place) ? undefined : `${place}：${rest}`
}

function inChinese(english: string): string | undefined {
  if (Object.hasOwn(sentenceTexts, english)) return sentenceTexts[english as keyof typeof sentenceTexts]
  const [, first, other] = SHAPES.exec(english) ?? []
  if (first !== undefined && other !== undefined) return `${shape(first)}，或${inChinese(other) ?? other}`
  if (english.startsWith('write a text or ')) return shape(english.slice('write '.length))
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

/** Parameters whose value is a text of the gateway and is translated too; the others contain what the user has written. */
const WORDS = new Set(['kind', 'problem', 'reason', 'what', 'which', 'words'])

const isWords = (name: string, value: string): boolean => WORDS.has(name) || (name === 'names' && value === 'none')

/** A value with two alternatives, as config/explain.ts writes it: `write a host, as in www.example.com or a list`. */
const SHAPES = /^write (.+) or (a list|a group of keys)$/

/** `a text or a number or true`. */
function alternatives(words: string): string {
  const choices = words.split(' or ').map((choice) => inChinese(choice) ?? choice)
  return choices.join(' 或 ')
}

function shape(words: string): string {
  const sentence = `write ${words}`
  if (Object.hasOwn(sentenceTexts, sentence)) return sentenceTexts[sentence as keyof typeof sentenceTexts]
  if (!words.startsWith('a ')) return inChinese(words) ?? inChinese(sentence) ?? words
  return fill(sentenceTexts['write {choices}'], { choices: alternatives(words) })
}

interface SentenceForm {
  /** Alternately fixed text and parameter names. */
  readonly form: readonly string[]
  readonly chinese: string
}

let forms: readonly SentenceForm[] | undefined

/** Sentences with parameters; those with the most fixed text first, so that a general one does not match before them. */
function sentenceForms(): readonly SentenceForm[] {
  forms ??= Object.entries(sentenceTexts)
    .filter(([english]) => PARAMETER.test(english))
    .toSorted(([a], [b]) => ownLength(b) - ownLength(a))
    .map(([english, chinese]) => ({ form: english.split(PARAMETER), chinese }))
  return forms
}

const PARAMETER = /\{(\w+)\}/
const ownLength = (english: string): number => english.replaceAll(/\{\w+\}/g, '').length

/** @returns the parameters when the sentence has this form, else undefined. A parameter never spans two sentences */
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
