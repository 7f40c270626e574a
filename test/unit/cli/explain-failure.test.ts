import { expect, it, onTestFinished } from 'vitest'
import { describe } from '../../../src/app/failure-sentence.ts'
import { gatewaySays } from '../../../src/cli/admin-client.ts'
import { explainFailure } from '../../../src/cli/explain-failure.ts'
import { nodeProblem } from '../../../src/cli/node-version.ts'
import { CommandError } from '../../../src/command-error.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError, GatewayError } from '../../../src/errors.ts'
import { useLanguage } from '../../../src/messages/language.ts'

const config = parseConfig(
  'listen: [{ port: 8000 }, { host: gateway.internal, port: 80, allow: [10.0.0.0/8] }, { host: 127.0.0.2, port: 8000 }]\nadmin: { port: 9000 }\nproviders: [{ name: d, vendor: demo }]',
  'gateway.yaml',
  {},
)
const listenError = (facts: object) => Object.assign(new Error('listen failed'), { syscall: 'listen', ...facts })

it.each([
  [
    { code: 'EADDRINUSE', address: '127.0.0.1', port: 8000 },
    'port 8000 on 127.0.0.1 is in use: stop the program that listens there, or change listen[0].port',
  ],
  [
    { code: 'EADDRINUSE', address: '127.0.0.2', port: 9000 },
    'port 9000 on 127.0.0.2 is in use: stop the program that listens there, or change admin.port',
  ],
  [
    { code: 'EACCES', address: '10.0.0.1', port: 80 },
    'this user may not listen on port 80 of 10.0.0.1: choose a port above 1023 in listen[1].port',
  ],
  [
    { code: 'ENOTSUP', address: '10.0.0.1', port: 80 },
    'this system cannot share port 80 between processes: leave out listen[1].shared',
  ],
  [
    { code: 'EADDRNOTAVAIL', address: '10.0.0.1', port: 80 },
    '10.0.0.1 is not an address of this machine: change listen[1].host',
  ],
  [
    { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'gateway.internal' },
    'the name gateway.internal has no address: change listen[1].host',
  ],
  [
    { code: 'EADDRINUSE', address: '127.0.0.1', port: 1 },
    'port 1 on 127.0.0.1 is in use: stop the program that listens there, or change listen[].port',
  ],
])('a port that cannot be had: %o', (facts, sentence) => {
  expect(explainFailure(listenError(facts), config)).toEqual({ text: `turnpike: ${sentence}\n`, exitCode: 1 })
  const wrapped = new Error('starting failed', { cause: listenError(facts) })
  expect(explainFailure(wrapped, config).text).toBe(`turnpike: ${sentence}\n`)
})

it('the address tells ports of the same number apart', () => {
  const second = listenError({ code: 'EADDRINUSE', address: '127.0.0.2', port: 8000 })
  expect(explainFailure(second, config).text).toContain('change listen[2].port')
})

it('another failure of the network is not taken for a port', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { syscall: 'connect', code: 'ECONNREFUSED' })
  expect(explainFailure(refused, config).text).toMatch(
    /^turnpike: unexpected error: Error: connect ECONNREFUSED \(at .*\)\n$/,
  )
})

it('mistakes in a file begin with their place, and exit with 2', () => {
  const one = { path: 'pool', message: 'is empty', line: 3, column: 1 }
  expect(explainFailure(new ConfigError('g.yaml', [one]))).toEqual({
    text: 'g.yaml:3:1: pool: is empty\ng.yaml has one mistake\n',
    exitCode: 2,
  })
  expect(explainFailure(new ConfigError('g.yaml', [one, one])).text).toContain('g.yaml has 2 mistakes\n')
})

it('failures that are understood keep their own words', () => {
  expect(explainFailure(new CommandError('nobody is there'))).toEqual({
    text: 'turnpike: nobody is there\n',
    exitCode: 1,
  })
  expect(explainFailure(new GatewayError('GW_INTERNAL', 'no room')).text).toBe('turnpike: no room\n')
})

it('an unexpected error is one line, without what it carries', () => {
  const error = Object.assign(new TypeError('x is undefined', { cause: new Error('hidden-1') }), {
    options: { password: 'hidden-2' },
  })
  const { text, exitCode } = explainFailure(error)
  expect(text).toMatch(/^turnpike: unexpected error: TypeError: x is undefined \(at [^\n]*\)\n$/)
  expect(text).not.toContain('hidden')
  expect(exitCode).toBe(1)
  expect(describe('hidden-3')).not.toContain('hidden')
})

it.each(['18.20.0', '22.22.0', '23.9.0'])('Node %s is too old, and is told so', (version) => {
  expect(nodeProblem(version)).toContain(`Turnpike needs Node 24 or newer, and this is ${version}`)
})

it.each(['24.0.0', '24.21.0', '26.10.0', '100.0.0'])('Node %s will do', (version) =>
  expect(nodeProblem(version)).toBeUndefined(),
)

it('what the gateway answers to a command is in the language of the process', () => {
  useLanguage('zh')
  onTestFinished(() => useLanguage('en'))
  expect(gatewaySays('127.0.0.1:8081', 'this is not the token of this gateway')).toBe(
    '127.0.0.1:8081 的网关：这不是此网关的令牌',
  )
})

it('an error of the gateway is in the language of the process', () => {
  const error = new GatewayError(
    'GW_NO_SUPPLY',
    'provider "a" cannot bring addresses now: the vendor answered with HTTP 503',
  )
  useLanguage('zh')
  onTestFinished(() => useLanguage('en'))
  expect(explainFailure(error).text).toBe('turnpike: 供应商 "a" 目前不能提供地址：供应商返回 HTTP 503\n')
})
