/** Whether an order makes one call or several: one that makes several cannot hold a slot of the window meanwhile. */
import { expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { type SettingsOf, scripted } from './scripted-http.ts'

const list = { url: 'http://api.vendor.example/take?token={token}', format: 'text' }
const login = { url: 'http://api.vendor.example/login', format: 'text', life: '60m' }
const app = { appKey: 'k', appSecret: 'qwertyuiop123456' }

it.each<[string, Partial<SettingsOf> & Pick<SettingsOf, 'vendor' | 'product'>, boolean]>([
  ['a token that a call brings', { vendor: 'generic', product: 'list', own: parseOwn({ ...list, login }) }, true],
  ['a list without a token', { vendor: 'generic', product: 'list', own: parseOwn({ ...list, url: login.url }) }, false],
  ['a static list in pages', { vendor: 'smartproxy', product: 'static', credentials: { app_key: 'k' } }, true],
  ['one call', { vendor: 'smartproxy', product: 'dynamic', credentials: { app_key: 'k' } }, false],
  ['changes in turn', { vendor: 'ipipv', product: 'dynamic-password', credentials: app }, true],
])('%s', (_what, settings, expected) => {
  expect(scripted(settings).source.takesSeveralCalls).toBe(expected)
})

it('rsa of ipipv is refused, with the reason', () => {
  const entry = `{ name: a, vendor: ipipv, product: static, credentials: { appKey: k, appSecret: qwertyuiop123456 }, instances: [i_1], encrypt: RSA }`
  const read = () => parseConfig(`providers: [${entry}]`, 'gateway.yaml', {})
  expect(read).toThrow(ConfigError)
  expect(read).toThrow(/rsa belongs to the interfaces before version 2/)
})
