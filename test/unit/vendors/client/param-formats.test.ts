/** What the documents demand of parameters beyond type, bounds and values. */
import { describe, expect, it } from 'vitest'
import { missingParams, paramProblems, paramWarnings } from '../../../../src/vendors/client/params.ts'
import type { Operation, Param, Params } from '../../../../src/vendors/contract/operation.ts'
import { operations as ipipv } from '../../../../src/vendors/ipipv/operations.ts'
import { legacySales } from '../../../../src/vendors/qg/legacy-calls.ts'
import { operations as smartproxy } from '../../../../src/vendors/smartproxy/calls.ts'

const words = { about: 'about', term: 'term' }
const operationOf = (params: Operation['params'], rest: Partial<Operation> = {}): Operation => ({
  ...{ about: '', document: '', method: 'GET', path: '/', limit: () => ({ calls: 1, perMs: 1 }), effect: 'reads' },
  ...rest,
  params,
})
const problems = (operation: Operation | undefined, params: Params) =>
  operation === undefined
    ? expect.fail('no such call')
    : paramProblems(operation, params, 'operator').map(({ message }) => message)
const isGood = (param: Partial<Param>, value: string) =>
  problems(operationOf({ x: { type: 'string', ...words, ...param } }), { x: value }).length === 0

describe('forms of a text', () => {
  it.each<[Param['format'], string, boolean]>([
    ['date-time', '2022-08-01 00:00:00', true],
    ['date-time', '2024-02-29 23:59:59', true],
    ['date-time', '2022-02-30 00:00:00', false],
    ['date-time', '2022-08-01 24:00:00', false],
    ['date-time', '2022-08-01T00:00:00', false],
    ['date-time', '2022-08-01', false],
    ['ip', '203.0.113.7', true],
    ['ip', '2001:db8::7', true],
    ['ip', '203.0.113.7:80', false],
    ['ip', '*', false],
    ['ip-or-all', '*', true],
    ['ip-or-all', 'all', false],
    ['cidr', '192.168.0.0/24', true],
    ['cidr', '192.168.0.0/33', false],
    ['cidr', '192.168.0.0', false],
    ['alphanumeric', 'user01', true],
    ['alphanumeric', 'user_01', false],
    ['alphanumeric', '用户', false],
    ['login', 'user01:pass', true],
    ['login', 'user01', false],
    ['login', 'user01:pa:ss', false],
    ['login', 'user 01:pass', false],
    ['term', '2s', true],
    ['term', '36m', true],
    ['term', '1y', false],
    ['term', '0d', false],
  ])('%s: %s is allowed: %s', (format, value, allowed) => {
    expect(isGood({ format: format ?? 'ip' }, value)).toBe(allowed)
    expect(isGood({ type: 'csv', format: format ?? 'ip' }, value)).toBe(allowed)
  })

  it('counts 32 Chinese or 64 Latin characters as the same length', () => {
    const remark = { max: 64, lengthIn: 'half-width' } as const
    expect([isGood(remark, '注'.repeat(32)), isGood(remark, 'a'.repeat(64))]).toEqual([true, true])
    expect([isGood(remark, '注'.repeat(33)), isGood(remark, 'a'.repeat(65))]).toEqual([false, false])
    expect([isGood(remark, `${'注'.repeat(31)}ab`), isGood(remark, `${'注'.repeat(31)}abc`)]).toEqual([true, false])
  })
})

describe('what goes together', () => {
  const either = operationOf(
    { a: { type: 'string', ...words }, b: { type: 'string', ...words } },
    { oneOf: [['a', 'b']] },
  )
  const line: Param = {
    type: 'items',
    oneOf: ['a', 'b'],
    members: {
      a: { type: 'string', together: 'c', ...words },
      b: { type: 'string', ...words },
      c: { type: 'string', ...words },
    },
    ...words,
  }

  it('one of a group must be given, to the person and on the wire', () => {
    expect(missingParams(either, {})).toEqual([{ param: 'a or b', message: 'is missing' }])
    expect(missingParams(either, { b: 'x' })).toEqual([])
    expect(paramProblems(either, {}, 'engine')).toHaveLength(1)
    // Under `request:` it may still come from elsewhere.
    expect(paramProblems(either, {}, 'configured')).toEqual([])
  })

  it.each([
    ['[{"b":"x"}]', []],
    ['[{"a":"x","c":"y"}]', []],
    ['[{"c":"y"}]', ['[0] needs one of a, b']],
    ['[{"b":"x"},{"a":"x"}]', ['[1].c is missing: it goes with a']],
  ])('%s', (items, expected) => {
    expect(problems(operationOf({ x: line }), { x: items })).toEqual(expected)
  })
})

describe('beyond what is known to work', () => {
  const operation = operationOf({
    num: { type: 'integer', usualMax: 100, ...words },
    lines: { type: 'items', members: { flow: { type: 'integer', usualMax: 9, ...words } }, ...words },
  })

  it('a value is sent, with a warning', () => {
    const params = { num: 101, lines: '[{"flow":9},{"flow":10}]' }
    expect(problems(operation, params)).toEqual([])
    expect(paramWarnings(operation, params)).toEqual([
      expect.stringContaining('num=101 is more than is known to work (100)'),
      expect.stringContaining('lines[].flow=10 is more'),
    ])
    expect(paramWarnings(operation, { num: 100, unknown: 5_000 })).toEqual([])
  })
})

describe('the documents', () => {
  it.each<[string, Params, number]>([
    ['whitelist-account/add', { accounts: 'user01:pass,user02:pass' }, 0],
    ['whitelist-account/add', { accounts: 'user01' }, 1],
    ['whitelist-account/add', { accounts: 'user-01:pass' }, 1],
    ['whitelist-account/add', { accounts: 'user01:pass', remark: '注'.repeat(33) }, 1],
    ['whitelist-account/delete', { accounts: 'user01,user02' }, 0],
    ['whitelist-account/delete', { accounts: 'user01, user02' }, 1],
    ['whitelist-account/disable', { accounts: 'user_01' }, 1],
    ['whitelist-account/enable', { accounts: 'user01:pass' }, 1],
    ['whitelist-account/change-password', { account: 'user', password: 'p@ss' }, 1],
    ['whitelist-account/change-remark', { account: 'user', remark: '注'.repeat(32) }, 0],
    ['user-usage-flow/total', { start_time: '2022-08-01' }, 1],
    ['ip/v3', { num: 500 }, 0],
  ])('app_key: %s %o has %d mistakes', (name, params, count) => {
    expect(problems(smartproxy[name], params)).toHaveLength(count)
  })

  it.each<[string, Params, number]>([
    ['userAuth', { authType: 1 }, 1],
    ['userAuth', { authType: 1, username: 'u' }, 0],
    ['proxy/info', { proxyType: 104, productNo: 'p' }, 1],
    ['proxy/info', { proxyType: 104, productNo: 'p', appUsername: 'u' }, 0],
    ['proxy/user', { limitFlow: 1, status: 1 }, 1],
    ['proxy/user', { limitFlow: 1, status: 1, mainUsername: 'u' }, 0],
    ['proxy/return', { appUsername: 'u', proxyType: 104, productNo: 'p' }, 1],
    ['order', {}, 1],
    ['order', { appOrderNo: 'a' }, 0],
  ])('ipipv: %s %o lacks %d', (name, params, count) => {
    expect(missingParams(ipipv[name] ?? expect.fail('no such call'), params)).toHaveLength(count)
  })

  it.each<[string, Params, number]>([
    ['assign/ip/info', { ip: '127.0.0.1' }, 0],
    ['assign/ip/info', { ip: 'host' }, 1],
    ['proxy/addIpWhiteList', { ip: '203.0.113.300' }, 1],
    ['proxy/dellpWhiteList', { appUsername: 'u', ip: '203.0.113.7', productNo: 'p' }, 0],
    ['proxy/flow/use/log', { startTime: '2021-01-01 00:00:00' }, 0],
    ['proxy/flow/use/log', { startTime: '2021-1-1' }, 1],
    [
      'instance/open',
      {
        params:
          '[{"productNo":"ipideash_598","count":20,"cycleTimes":1},{"productNo":"mb_gmhd5exp2","count":20,"cycleTimes":12}]',
      },
      0,
    ],
    ['instance/open', { params: '[{"productNo":"p","count":21}]' }, 1],
    ['instance/open', { params: '[{"count":1}]' }, 1],
    ['instance/open', { params: '[{"productNo":"p","flow":200000,"appUsername":"u"}]' }, 0],
    ['instance/open', { params: '[{"productNo":"p","flow":10}]' }, 1],
    ['instance/open', { params: '[{"productNo":"p","cidrBlocks":[{"cidr":"192.168.0.0/24","count":1}]}]' }, 0],
    ['instance/open', { params: '[{"productNo":"p","cidrBlocks":[{"cidr":"192.168.0.0"}]}]' }, 1],
  ])('ipipv: %s %o has %d mistakes', (name, params, count) => {
    expect(problems(ipipv[name], params)).toHaveLength(count)
  })

  it.each(['release', 'replace'] as const)('qg-legacy: %s without IP and TaskID is refused', (name) => {
    expect(missingParams(legacySales[name], {})).toEqual([{ param: 'IP or TaskID', message: 'is missing' }])
    expect(missingParams(legacySales[name], { TaskID: '*' })).toEqual([])
  })

  it('qg-legacy: a release counts as many calls as it names addresses; * as all that the channels hold', () => {
    const count = (params: Params) => legacySales.release.countsAs?.(params, { channels: 10 })
    expect([{ IP: '1.1.1.1' }, { IP: '1.1.1.1,1.1.1.2,1.1.1.3' }, { IP: '*' }, { TaskID: 'A,B' }].map(count)).toEqual([
      1, 3, 10, 2,
    ])
  })
})
