import { describe, expect, it } from 'vitest'
import { verdictCodes } from '../../../src/admin/api/schemas/verdict.ts'
import { pageTexts } from '../../../src/messages/page.ts'
import { fill, type Text } from '../../../src/messages/text.ts'
import { verdictTexts } from '../../../src/messages/verdict.ts'

const namesIn = (sentence: string) => Array.from(sentence.matchAll(/\{(\w+)\}/g), ([, name]) => name).toSorted()
/** Words that are the same in both languages, or stand for the other one. */
const ALIKE = new Set(['language.switch'])

describe.each<[name: string, texts: Readonly<Record<string, Text>>]>([
  ['verdict', verdictTexts],
  ['page', pageTexts],
])('the texts of the %s', (_, texts) => {
  it.each(Object.entries(texts))('%s has both languages, with the same names to fill in', (key, { en, zh }) => {
    expect(en.trim()).not.toBe('')
    expect(namesIn(zh)).toEqual(namesIn(en))
    if (!ALIKE.has(key)) expect([/\p{Script=Han}/u.test(en), /\p{Script=Han}/u.test(zh)]).toEqual([false, true])
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
