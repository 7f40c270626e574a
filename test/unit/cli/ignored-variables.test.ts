import { expect, it } from 'vitest'
import { ignoredVariables } from '../../../src/cli/ignored-variables.ts'

it.each([
  [{}, []],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '1', http_proxy: 'http://proxy:1' }, []],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, ['NODE_TLS_REJECT_UNAUTHORIZED']],
  [{ NODE_USE_ENV_PROXY: '1' }, ['NODE_USE_ENV_PROXY']],
  [{ NODE_OPTIONS: '--use-env-proxy' }, ['NODE_USE_ENV_PROXY']],
])('%j', (environment, names) => {
  expect(ignoredVariables(environment).map(({ name }) => name)).toEqual(names)
})
