import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { operations } from '../../../src/admin/api/operations.ts'
import { verdictCodes } from '../../../src/admin/api/schemas/verdict.ts'
import { apiTexts } from '../../../src/messages/chinese/api.ts'
import { currentLanguage, useLanguage } from '../../../src/messages/language.ts'
import { pageTexts } from '../../../src/messages/page.ts'
import { statusColumns, terminal } from '../../../src/messages/terminal.ts'
import { fill, type Text } from '../../../src/messages/text.ts'
import { chineseTexts, translate, translateSentence } from '../../../src/messages/translate.ts'
import { verdictSentence, verdictTexts } from '../../../src/messages/verdict.ts'

const namesIn = (sentence: string) => Array.from(sentence.matchAll(/\{(\w+)\}/g), ([, name]) => name).toSorted()
/** Words that are the same in both languages, or stand for the other one. */
const ALIKE = new Set(['stopKeys', 'comma', 'semicolon', 'inBrackets'])

describe.each<[name: string, texts: Readonly<Record<string, Text>>]>([
  ['verdict', verdictTexts],
  ['page', pageTexts],
  ['terminal', terminal],
  ['table of status', statusColumns],
])('the texts of the %s', (_, texts) => {
  it.each(Object.entries(texts))('%s has both languages, with the same names to fill in', (key, { en, zh }) => {
    expect(en.trim()).not.toBe('')
    expect(namesIn(zh)).toEqual(namesIn(en))
    if (!ALIKE.has(key)) expect([/\p{Script=Han}/u.test(en), /\p{Script=Han}/u.test(zh)]).toEqual([false, true])
  })
})

it('every operation of the admin API has a summary in both languages', () => {
  expect(Object.keys(apiTexts).toSorted()).toEqual(
    Object.values(operations)
      .map(({ summary }) => summary)
      .toSorted(),
  )
})

describe('the sentences of the code', () => {
  /** Without escapes, which depend on the quotes around a sentence. */
  const plain = (text: string) => text.replaceAll('\\', '')
  const folder = join(import.meta.dirname, '../../../src')
  const code = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('messages/'))
    .map((name) => plain(readFileSync(join(folder, name), 'utf8')))
    .join('\n')

  /** Made of parts by config/explain.ts and config/fields.ts, and by errors; mistakes.test.ts and sentences.test.ts have them. */
  const COMPOSED =
    /^must be (?:more|less) than|^a (?:text|list|group of keys)$|^must be text: put|, or $|known ones: $|cannot bring addresses now: $|^(?:" (?:has no address|sells addresses)|: $)|were expected: $|: an exclusive session needs one|^an integer to |^true or false, /

  it.each(Object.entries(chineseTexts))('%s', (en, zh) => {
    expect(namesIn(zh)).toEqual(namesIn(en))
    expect([/\p{Script=Han}/u.test(en), /\p{Script=Han}/u.test(zh)]).toEqual([false, true])
    // The code writes a parameter as ${expression}, and makes some sentences of parts.
    const parts = en.split(/\{\w+\}|(?<=,) (?=or $)|\? Otherwise |\bwrite one of/)
    expect(
      parts.filter((part) => part.trim().length > 8 && !COMPOSED.test(part) && !code.includes(plain(part).trim())),
    ).toEqual([])
  })

  it('are in the language of the process; what is unknown stays as it is', () => {
    expect(translate('{file} is valid', { file: 'a' })).toBe('a is valid')
    useLanguage('zh')
    onTestFinished(() => useLanguage('en'))
    expect(currentLanguage()).toBe('zh')
    expect(translate('{file} is valid', { file: '{file}' })).toBe('{file} 有效')
    expect(['none', 'never heard of', 'toString'].map(translateSentence)).toEqual(['无', 'never heard of', 'toString'])
    expect(translateSentence('unknown key; did you mean floor?')).toBe('未知的键；您是指 floor 吗？')
    expect(translateSentence('no group has this name; groups here: none')).toBe('没有这个名称的组；现有的组：无')
    expect(translateSentence('no provider has this name; providers here: a, b')).toBe(
      '没有这个名称的供应商；现有的供应商：a, b',
    )
    expect(translateSentence('must be at least 1; known here: a, b')).toBe('不能小于 1；此处可用：a, b')
  })
})

it('words every verdict and its remedy', () => {
  const wanted = verdictCodes.flatMap((code) => [`verdict.${code}`, `remedy.${code}`])
  expect(Object.keys(verdictTexts).toSorted()).toEqual(wanted.toSorted())
})

it('fills names in as text, and leaves what it does not know', () => {
  expect(fill('{provider} is paused', { provider: '$& {provider}' })).toBe('$& {provider} is paused')
  expect(fill('{provider} is paused')).toBe('{provider} is paused')
})

it('leaves out the full stop behind a reason that ends with a mark of its own', () => {
  const sentence = (reason: string, language: 'en' | 'zh') =>
    verdictSentence('verdict.key-wrong', language, { provider: 'a', reason })
  expect(sentence('no key', 'en')).toBe('a: the vendor refuses the key: no key.')
  expect(sentence('is it yours?', 'en')).toBe('a: the vendor refuses the key: is it yours?')
  expect(sentence('是您的密钥吗？', 'zh')).toBe('a：供应商拒绝了密钥：是您的密钥吗？')
})
