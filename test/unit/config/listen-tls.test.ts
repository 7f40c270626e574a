import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'
import { makeCertificate } from '../../support/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const [one, other] = [makeCertificate('one'), makeCertificate('other')]
const files = { 'one.pem': one.cert, 'one.key': one.key, 'other.key': other.key, 'text.pem': 'no certificate' }
for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)

function load(tls: string) {
  const text = `listen:\n  - { tls: ${tls} }\nproviders: [{ name: p, vendor: demo }]\n`
  try {
    return parseConfig(text, join(folder, 'gateway.yaml'), {}).listen[0]?.tls
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, path, message }) => `${line} ${path} ${message}`).join('\n')
  }
}

it('takes a certificate with its key, beside the configuration', () => {
  expect(load('{ cert: one.pem, key: one.key }')).toEqual({
    ...{ cert: join(folder, 'one.pem'), key: join(folder, 'one.key') },
  })
})

it.each([
  ['{ cert: one.pem, key: other.key }', '2 listen[0].tls the key does not belong to the certificate'],
  ['{ cert: none.pem, key: one.key }', '2 listen[0].tls one of the two files is missing'],
  [
    '{ cert: text.pem, key: one.key }',
    '2 listen[0].tls they are not a certificate and its key without a password, in PEM',
  ],
  ['{ cert: one.pem }', '2 listen[0].tls.key is missing'],
])('says what is wrong with %s', (tls, message) => {
  expect(load(tls)).toContain(message)
  expect(load(tls)).not.toContain('no certificate')
})
