/** Slips of a new user, each at its place and in words that say what to write. */
import { expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'

function mistakesOf(text: string): string {
  try {
    parseConfig(text, 'f', {})
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

it.each([
  ['no port', '"1.2.3.4"', 'write ip:port'],
  ['a port that is none', '"host:99999"', 'a port is a number from 1 to 65535'],
  ['a slash in the password of a URL', '"socks5://user:p/ss@host:1080"', 'write %2F for /'],
])('check refuses an entry of a list that start would refuse: %s', (_, entry, advice) => {
  const words = mistakesOf(`providers: [{ name: a, vendor: static, list: ["1.2.3.4:80", ${entry}] }]`)
  expect(words).toMatch(/^f:1:\d+: providers\[0\]\.list\[1\]: is not an address; /)
  expect(words).toContain(advice)
  expect(words).not.toMatch(/p\/ss|99999/)
})

it('finds the full-width colon of Chinese typing', () => {
  expect(mistakesOf('providers:\n  - name：a\n    vendor: qg\n')).toBe(
    'f:2:9: the colon behind this key is the full-width ： of Chinese typing; write : and a space',
  )
})

it.each([
  [
    'providers:\n　- name: a\n　　vendor: demo\n',
    'f:2:1: a full-width or no-break space indents here; YAML wants plain spaces',
  ],
  [
    'providers:\n  - name: a\n   \u00a0vendor: demo\n',
    'f:3:4: a full-width or no-break space indents here; YAML wants plain spaces',
  ],
  [
    'providers:\n  - {name: a， vendor: demo}\n',
    'f:2:13: the comma between these keys is the full-width ， of Chinese typing; write , and a space',
  ],
])('finds other full-width characters of Chinese typing: %j', (text, words) => {
  expect(mistakesOf(text)).toBe(words)
})

it('leaves full-width characters in values alone', () => {
  const text = 'providers: [{ name: demo, vendor: demo }]\nlisten:\n  - users: [{ name: a, password: "　中，b: c" }]\n'
  expect(mistakesOf(text)).toBe('')
})

it('leaves a full-width colon in a value or in a remark alone', () => {
  const text =
    '# 说明：x\nproviders: [{ name: demo, vendor: demo }] # note：y\nlisten: [{ users: [{ name: a, password: "中：文" }] }]'
  expect(mistakesOf(text)).toBe('')
})

it('finds a list item without a space behind its dash', () => {
  expect(mistakesOf('providers:\n  -name: a\n   vendor: demo\n')).toBe(
    'f:2:3: a space is missing behind the dash: a list item begins with "- "',
  )
})

it.each([
  'providers: [{}]',
  'providers: [{ vendor: qg }]',
  'providers: [{ vendor: juliangip, credentials: {} }]',
  'providers: [{ vendor: generic, name: g }]',
  'providers: [{ vendor: ipipv, name: g, product: static, credentials: {} }]',
  'listen: [{ users: [{}] }]',
  'callback: {}',
  'bans: [{}]',
  'routes: [{}]',
])('what is missing is said in words of the file: %s', (text) => {
  expect(mistakesOf(text)).toContain('is missing')
  expect(mistakesOf(text)).not.toMatch(/expected|received|undefined|invalid input/i)
})
