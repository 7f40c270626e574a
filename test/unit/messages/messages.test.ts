import { expect, it } from 'vitest'
import { verdictCodes } from '../../../src/admin/api/schemas/verdict.ts'
import { en } from '../../../src/messages/en.ts'
import { languages, type MessageKey, word } from '../../../src/messages/messages.ts'

const namesIn = (sentence: string) => Array.from(sentence.matchAll(/\{(\w+)\}/g), ([, name]) => name).toSorted()
const keys = Object.keys(en) as MessageKey[]

it.each(['en', 'zh'] as const)('%s has every sentence, with the names that it fills in', (language) => {
  const sentences = languages[language]
  expect(Object.keys(sentences)).toEqual(keys)
  for (const key of keys) {
    expect(sentences[key].trim()).not.toBe('')
    expect([key, namesIn(sentences[key])]).toEqual([key, namesIn(en[key])])
  }
})

it('is Chinese where it says so', () => {
  for (const key of keys) expect(languages.zh[key]).toMatch(/\p{Script=Han}/u)
})

it('words every verdict and its remedy', () => {
  const wanted = verdictCodes.flatMap((code) => [`verdict.${code}`, `remedy.${code}`])
  expect(wanted.toSorted()).toEqual(keys.filter((key) => /^(verdict|remedy)\./.test(key)).toSorted())
})

it('fills names in, and leaves what it does not know', () => {
  expect(word('zh', 'verdict.paused', { provider: 'qg-a' })).toBe('qg-a 已暂停：不会购买地址。')
  expect(word('en', 'verdict.paused')).toBe('{provider} is paused: nothing is bought.')
})

it('takes what it fills in as text', () => {
  expect(word('en', 'verdict.paused', { provider: '$& {provider}' })).toBe(
    '$& {provider} is paused: nothing is bought.',
  )
})
