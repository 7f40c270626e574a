/** Replies as they are shown: what each table calls a secret is gone, what is none is still there. */
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../../src/secret.ts'
import { redact } from '../../../../src/vendors/client/redact.ts'
import type { Operation, SecretForm } from '../../../../src/vendors/contract/operation.ts'

function operation(secrets: Readonly<Record<string, SecretForm>> = {}): Operation {
  return {
    about: 'lists',
    document: 'none',
    method: 'GET',
    path: '/',
    params: {},
    limit: () => ({ calls: 1, perMs: 1 }),
    effect: 'reads',
    secrets,
  }
}

const shown = (data: unknown, secrets?: Readonly<Record<string, SecretForm>>, known: readonly string[] = []) =>
  redact(operation(secrets), data, known)

describe('a text that may hold a login', () => {
  it.each([
    ['203.0.113.7:80', '203.0.113.7:80'],
    ['203.0.113.7:80,281', '203.0.113.7:80,281'],
    ['203.0.113.7:80,江苏徐州,340281', '203.0.113.7:80,江苏徐州,340281'],
    ['203.0.113.7:80:me:open sesame', '203.0.113.7:80:me:*** ***'],
    ['203.0.113.7:80:me:p@ss:w,d', '203.0.113.7:80:me:***'],
    ['203.0.113.7:80:me:pa|ss', '203.0.113.7:80:me:***|***'],
    ['203.0.113.7:80,江苏徐州,281:me:pa,ss', '203.0.113.7:80,江苏徐州,281:me:***'],
    ['203.0.113.7:80,me:pass', '203.0.113.7:80,me:***'],
    ['203.0.113.7:80:pass', '203.0.113.7:80:***'],
    ['gate.example.com:8000', 'gate.example.com:8000'],
    ['gate.example.com:8000:me:pass', 'gate.example.com:8000:me:***'],
    ['me:pass@gate.example.com:8000', 'me:***@gate.example.com:8000'],
    ['me:pa@ss@gate.example.com:8000', 'me:***@gate.example.com:8000'],
    ['token@203.0.113.7:80', '***@203.0.113.7:80'],
    ['http://me:pass@gate.example.com:8000/', 'http://me:***@gate.example.com:8000'],
    ['socks5://gate.example.com:8000', 'socks5://gate.example.com:8000'],
    ['http://gate.example.com:8000/get?token=1', 'http://gate.example.com:8000/***'],
    ['me:pass:203.0.113.7:80', 'me:***:203.0.113.7:80'],
    ['[2001:db8::1]:80:me:pass', '[2001:db8::1]:80:me:***'],
    ['me:pass', 'me:***'],
    ['pass', '***'],
    ['203.0.113.7:80:me:pass\r\n203.0.113.8:81:me:pass', '203.0.113.7:80:me:***\r\n203.0.113.8:81:me:***'],
  ])('%s', (text, expected) => {
    expect(shown({ list: [[text], text] }, { list: 'login' })).toEqual({ list: [[expected], expected] })
    expect(shown(text, { $: 'login' })).toBe(expected)
  })

  it('is left alone where the table does not say so', () => {
    expect(shown({ city: 'me:pass', list: [{ city: 'a:b' }] }, { list: 'login' })).toEqual({
      city: 'me:pass',
      list: [{ city: 'a:b' }],
    })
  })
})

describe('members', () => {
  it('that the table calls secret are hidden whole, at any depth', () => {
    const data = { list: [{ id: 7, word: 'open', more: { word: { deep: 1 } } }], word: 5, none: { word: null } }
    expect(shown(data, { word: 'all' })).toEqual({
      list: [{ id: 7, word: '***', more: { word: '***' } }],
      word: '***',
      none: { word: null },
    })
  })

  it('that are links show only where they lead', () => {
    expect(shown({ proxyUrl: 'https://api.example.com/get/abc?d=1' }, { proxyUrl: 'link' })).toEqual({
      proxyUrl: 'https://api.example.com/***',
    })
    expect(shown({ proxyUrl: 'no link' }, { proxyUrl: 'link' })).toEqual({ proxyUrl: '***' })
  })

  it('whose names sound like a secret are hidden even where no table says so', () => {
    const data = { password: 'a', http_pass: 'b', pwd: 'c', access_token: 'd', app_key: 'e', appSecret: 'f', sign: 'g' }
    expect(Object.values(shown(data) as object)).toEqual(Array(7).fill('***'))
    const plain = { assigned: 'a', passed: 'b', monkey: 'c', design: 'd', keyboard: 'e', count: 3, ok: true }
    expect(shown(plain)).toEqual(plain)
  })

  it('that are empty show that nothing is there', () => {
    expect(shown({ password: '', sign: null })).toEqual({ password: '', sign: null })
  })
})

it('a value of the type Secret is one, whatever its name', () => {
  expect(shown({ sold: [{ host: 'a', word: new Secret('tell') }] })).toEqual({ sold: [{ host: 'a', word: '***' }] })
})

describe('values that are known to be secrets', () => {
  const known = ['k&y of the account', '1178311789392776', 'abc', '']

  it('are hidden wherever they stand, in any form, also as numbers and as names', () => {
    const data = {
      words: 'key=k&y of the account, or k%26y%20of%20the%20account, or k%26y+of+the+account',
      order: 1178311789392776,
      'order 1178311789392776': [Buffer.from('k&y of the account').toString('base64')],
    }
    expect(shown(data, {}, known)).toEqual({
      words: 'key=***, or ***, or ***',
      order: '***',
      'order ***': ['***'],
    })
  })

  it('are hidden only where they stand alone when they are short', () => {
    expect(shown({ a: 'abc', b: 'abcd' }, {}, known)).toEqual({ a: '***', b: 'abcd' })
  })
})

it('a reply without an end is cut', () => {
  const deep = JSON.parse(`${'['.repeat(5_000)}"x"${']'.repeat(5_000)}`) as unknown
  expect(JSON.stringify(shown(deep)).length).toBeLessThan(200)
})
