import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadConfig, loadConfigSource } from '../../../src/config/load.ts'
import { loadAdmin } from '../../../src/config/load-admin.ts'
import { ConfigError } from '../../../src/errors.ts'

let file = ''
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-env-'))
  file = join(folder, 'gateway.yaml')
  writeFileSync(file, 'admin: { host: "${HOST}" }\nproviders: [{ name: "${NAME}", vendor: demo }]\n')
  writeFileSync(join(folder, '.env'), "# secrets\nNAME='from the file'\nHOST=127.0.0.5\nNAME=from-file\n")
})
afterAll(() => rmSync(folder, { recursive: true }))

it('fills what the environment does not have from .env beside the configuration', () => {
  expect(loadConfig(file, {}).providers[0]?.name).toBe('from-file')
  expect(loadConfig(file, { NAME: 'from-process' }).providers[0]?.name).toBe('from-process')
  expect(loadConfigSource(file, {}).source.environment).toEqual({ NAME: 'from-file', HOST: '127.0.0.5' })
  expect(loadAdmin(file, {}).admin).toMatchObject({ host: '127.0.0.5' })
})

it('counts an unreadable .env as none', () => {
  const other = mkdtempSync(join(tmpdir(), 'turnpike-env-'))
  const alone = join(other, 'gateway.yaml')
  writeFileSync(alone, 'providers: [{ name: "${NAME}", vendor: demo }]\n')
  expect(() => loadConfig(alone, {})).toThrow(ConfigError)
  rmSync(other, { recursive: true })
})
