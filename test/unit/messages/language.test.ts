import { afterEach, describe, expect, it } from 'vitest'
import { languageOf, say, useLanguage } from '../../../src/messages/language.ts'

afterEach(() => useLanguage('en'))

describe('languageOf', () => {
  it.each([
    [{ LANG: 'zh_CN.UTF-8' }, 'zh'],
    [{ LANG: 'zh_CN' }, 'zh'],
    [{ LANG: 'zh-Hans-CN' }, 'zh'],
    [{ LANG: 'zh' }, 'zh'],
    [{ LANG: 'zh_TW.UTF-8' }, 'en'],
    [{ LANG: 'en_US.UTF-8' }, 'en'],
    [{}, 'en'],
    [{ LC_ALL: 'en_US.UTF-8', LANG: 'zh_CN.UTF-8' }, 'en'],
    [{ LC_ALL: '', LC_MESSAGES: 'zh_CN.UTF-8', LANG: 'C' }, 'zh'],
  ])('%j is %s', (environment, language) => {
    expect(languageOf(environment)).toBe(language)
  })
})

it('says a text in the language of the process', () => {
  const text = { en: '{count} addresses', zh: '{count} 个地址' }
  expect(say(text, { count: 3 })).toBe('3 addresses')
  useLanguage('zh')
  expect(say(text, { count: 3 })).toBe('3 个地址')
})
