import { expect, it } from 'vitest'
import { addressFailure, callFailure } from '../../../src/supply/failure-words.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'

const missing = new VendorError('whitelist', '-13', 'not on the whitelist', { hint: 'add it in the dashboard' })

it.each([
  [true, 'not on the whitelist (add it in the dashboard, or set whitelist: auto)'],
  // It is set already, or the vendor has no call for it.
  [false, 'not on the whitelist (add it in the dashboard)'],
])('advises whitelist: auto only where that would change something (%s)', (couldRegister, words) => {
  expect(callFailure(missing, { expected: 'get', couldRegister })).toBe(words)
  const refused = addressFailure(3, 'login', { hasLogin: false, couldRegister })
  expect(refused.includes('set whitelist: auto')).toBe(couldRegister)
})

it.each([
  [true, /the login at the upstreams is wrong/],
  [false, /none is configured/],
])('does not blame a login that is not configured (configured: %s)', (hasLogin, words) => {
  expect(addressFailure(3, 'login', { hasLogin, couldRegister: false })).toMatch(words)
})
