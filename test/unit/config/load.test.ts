import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { isApi } from '../../../src/config/schema.ts'
import { ConfigError } from '../../../src/errors.ts'
import { Secret } from '../../../src/secret.ts'
import { acme, fakeSchema, oneProvider, parse, problemsOf, problemsOfFile } from './fake-catalogue.ts'

describe('a mistake is shown at its place', () => {
  it.each([
    ['an unknown key, at the key', 'pool:\n  idle: 3s\n', '2:3 pool.idle unknown key; did you mean idleAfter?'],
    ['a wrong value, at the value', 'pool:\n  idleAfter:   30\n', '2:16 pool.idleAfter write a unit, as in 30s'],
    ['an empty key, at the key', 'pool:\nrelay: {}\n', '1:1 pool is empty; give it a value or remove the key'],
    ['a list item', 'listen:\n  - port: 1\n  - 7\n', '3:5 listen[1] must hold keys, one per line, indented'],
    ['a key that is missing, at what lacks it', 'bans:\n  - status: [403]\n', '2:5 bans[0].host is missing'],
    ['a quoted value', 'log: { level: "loud" }\n', '1:15 log.level write one of trace, debug'],
    ['wide characters before it', 'log: { # 日志\n  level: 全部 }\n', '2:10 log.level write one of trace'],
  ])('%s', (_what, source, problem) => {
    expect(problemsOf(source + oneProvider)).toEqual([expect.stringContaining(problem)])
  })

  it('behind an alias, where it was written', () => {
    const source = `x: &wait\n  timeout: 5\nwait: *wait\n${oneProvider}`
    expect(problemsOf(source)).toEqual([
      '1:1 x unknown key; known here: listen, admin, providers, groups, routes, pool, rotation, session, dial, wait, relay, bans, limits, health, supply, callback, webhook, stop, reload, state, workers, cluster, log',
      '2:12 wait.timeout write a unit, as in 30s',
    ])
  })

  it('behind a merge, where it was written', () => {
    const source = `relay: &base { idle: 5 }\nsession:\n  <<: *base\n  max: 3\n${oneProvider}`
    expect(problemsOf(source)).toEqual([
      '1:22 session.idle write a unit, as in 30s',
      '1:22 relay.idle write a unit, as in 30s',
    ])
  })
})

it('reports every mistake at once, in the order of the file', () => {
  const source = `listn: []
listen:
  - { host: 0.0.0.0, port: 70000 }
pool: { floor: 60, ceiling: 50, minlife: 3s }
providers:
  - { name: a, vendor: acme, product: shrt, weight: 0 }
  - { name: a, vendor: acmee }
  - { name: b, vendor: acme, product: short, credentials: { kye: k } }
dial: { tries: none, timeout: 8 }
stop: \${DRAIN}
stop: 3
`
  expect(problemsOf(source).map((problem) => problem.split(' ').slice(0, 2).join(' '))).toEqual([
    '1:1 listn',
    '3:13 listen[0].host',
    '3:28 listen[0].port',
    '4:16 pool.floor',
    '4:33 pool.minlife',
    '6:39 providers[0].product',
    '6:53 providers[0].weight',
    '7:13 providers[1].name',
    '7:24 providers[1].vendor',
    '8:46 providers[2].credentials.key',
    '8:61 providers[2].credentials.kye',
    '9:16 dial.tries',
    '9:31 dial.timeout',
    '10:7 ',
    '11:1 ',
    '11:7 stop',
  ])
})

describe('words', () => {
  it.each([
    ['providers: []', /providers is an empty list; add an entry$/],
    ['providers:', /providers is empty; give it a value$/],
    ['providers: [{ name: , vendor: demo }]', /name is empty; give it a value$/],
    ['providers: [{ name: a, vendor: demo, price: }]', /price is empty; give it a value or remove the key$/],
    ['listen: []', 'is an empty list; add an entry, or remove the key'],
    ['providers: [{ name: a, vendor: acmee }]', 'did you mean acme? Otherwise write one of static, demo, acme'],
    [
      'providers: [{ name: a, vendor: acme, product: shrot }]',
      'did you mean short? Otherwise write one of short, long',
    ],
    ['providers: [{ name: a, vendor: acme }]', 'is missing; write one of short, long'],
    [
      'providers: [{ name: a, url: "http://v2.api.juliangip.com/dynamic/getips?num=1&sign=s" }]',
      'providers[0].url the link has no trade_no: copy it whole',
    ],
    ['providers: [{ name: a, vendor: static, list: [x] }]\nadmin: on', 'write off or a group of keys'],
    ['providers: [{ name: a, vendor: demo, life: 60s }]', 'must be a list'],
    ['providers: [{ name: a, vendor: demo, life: [60s] }]', 'needs at least 2 entries'],
    ['providers: [{ name: a, vendor: demo, life: [1s, 2s, 3s] }]', 'takes at most 2 entries'],
    ['providers: [{ name: a, vendor: demo, life: [60s, 30s] }]', 'the shortest life comes first'],
    ['providers: [{ name: a b, vendor: demo }]', 'use letters, digits, dots'],
    ['providers: [{ name: a-city-b, vendor: demo }]', 'a name cannot hold an option such as -session-'],
    ['providers: [{ name: a, vendor: demo, price: -1 }]', 'must be at least 0'],
    ['providers: [{ name: a, vendor: demo, limit: { share: 0 } }]', 'must be more than 0'],
    ['providers: [{ name: a, vendor: demo, limit: { share: 1.5 } }]', 'must be at most 1'],
  ])('%s', (source, words) => {
    expect(problemsOf(source)).toContainEqual(
      expect.stringMatching(typeof words === 'string' ? RegExp.escape(words) : words),
    )
  })
})

describe('text that is not a configuration', () => {
  it.each([
    ['', '1:1  the file is empty'],
    ['# only a comment\n', '1:1  the file is empty'],
    ['just words', '1:1  must hold keys'],
    ['- a\n- b\n', '1:1  must hold keys'],
    ['listen: { length: { toString: {} } }', '1:1 listen must be a list'],
    ['a: 1\nlog: {}\nlog: {}\n', '3:1  the key log is given twice'],
    ['log:\n\tlevel: info\n', '2:1  a tab indents here; YAML wants spaces'],
    ['log: "info\n', '1:6  a quote is opened here and never closed'],
    ['log: { level: info\n', '1:6  a bracket is opened here and never closed'],
    ['log: {}\nproviders: [{ name: x, key: ${KEY} }]\n', '2:29  between { } and [ ] a placeholder needs quotes'],
    ['log: @info\n', '1:6  text that begins with this character needs quotes'],
    ['log: a: b\n', '1:6  one line holds one key'],
    ['log: {}\n---\nlog: {}\n', '2:1  one file holds one configuration'],
    ['log: *nobody\n', '1:6  there is no anchor of this name above'],
    ['log: &a [*a]\n', '1:10  this alias lies inside its own anchor'],
    ['<<: 3\n', '1:1  << takes a map'],
    ['log: !secret x\n', '1:6  this tag is not known'],
    ['['.repeat(20_000), 'this is nested too deeply'],
  ])('%j', (source, problem) => {
    expect(problemsOf(source)).toContainEqual(expect.stringContaining(problem))
  })

  it('does not unfold an alias bomb', () => {
    const bomb = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}1]`).join('\n')
    expect(problemsOf(`a0: &a0 [x]\n${bomb}\n`)).toEqual([
      expect.stringContaining('the aliases of this file unfold to too much'),
    ])
    expect(problemsOf(`a: &a x\nb: [${'*a, '.repeat(101)}]`)).toContainEqual(
      expect.stringContaining('there are more than 100 aliases'),
    )
  })

  it('never repeats what stands in the file where YAML breaks', () => {
    const sources = [
      'key: "hunter2\n',
      'key: hunter2: x\n',
      'password: &hunter2\n  *hunter3\n',
      '"hunter2\\x"',
      'a: |hunter2\n',
    ]
    for (const source of sources) expect(problemsOf(source).join()).not.toContain('hunter')
  })
})

describe('the environment', () => {
  const key = (value: string) =>
    `providers:\n  - name: a\n    vendor: acme\n    product: short\n    credentials:\n      key: ${value}\n`
  const read = (value: string, environment: Record<string, string>) => {
    const provider = parse(key(value), environment).providers[0]
    const credentials = provider !== undefined && isApi(provider) ? Object.values(provider.credentials) : []
    return credentials[0]?.reveal()
  }

  it.each([
    ['"${A}"', 'alpha'],
    ['${A}', 'alpha'],
    ['"x-${A}-${B_2}-y"', 'x-alpha-beta-y'],
    ["'$${A}'", '${A}'],
    ['"$A $ {A} $$"', '$A $ {A} $$'],
    ['"${NESTED}"', '${A}: {b: 1}'],
  ])('fills %s', (written, value) => {
    expect(read(written, { A: 'alpha', B_2: 'beta', NESTED: '${A}: {b: 1}' })).toBe(value)
  })

  it('is filled in after parsing: a value cannot bring keys, numbers or more placeholders', () => {
    expect(problemsOf(`log: "\${LOG}"\n${oneProvider}`, { LOG: '{ level: info }' })).toEqual([
      '1:6 log must hold keys, one per line, indented',
    ])
    expect(problemsOf(`dial: { tries: "\${TRIES}" }\n${oneProvider}`, { TRIES: '3' })).toEqual([
      expect.stringContaining('must be a number'),
    ])
    expect(parse(`dial: { timeout: "\${TIMEOUT}" }\n${oneProvider}`, { TIMEOUT: '3s' }).dial.timeout).toBe(3_000)
  })

  it('leaves keys alone', () => {
    expect(problemsOf(`"\${A}": 1\n${oneProvider}`, { A: 'log' })).toEqual([
      expect.stringContaining('1:1 "${A}" unknown key'),
    ])
  })

  it('is missed at the place of the placeholder, once, and nothing else is said about that value', () => {
    expect(problemsOf(`dial:\n  timeout: "a \${GONE}"\n${oneProvider}`)).toEqual([
      '2:15  the environment variable GONE is not set',
    ])
    const anchored = `providers:\n  - { name: a, vendor: acme, product: short, credentials: { key: &k "\${GONE}", pwd: *k } }`
    expect(problemsOf(anchored)).toEqual(['2:70  the environment variable GONE is not set'])
  })

  it.each(['"${}"', '"${a b}"', '"${A:-x}"', '"${A"', '"${1A}"'])('refuses the placeholder %s', (written) => {
    expect(problemsOf(key(written), { A: 'a' })).toEqual([
      expect.stringContaining('after ${ comes the name of a variable'),
    ])
  })

  it('has no variables that JavaScript brings along', () => {
    expect(problemsOf(key('"${constructor}"'))).toEqual([
      expect.stringContaining('the environment variable constructor is not set'),
    ])
  })

  it('says that a variable is empty', () => {
    expect(problemsOf(key('"${A}"'), { A: '' })).toEqual([expect.stringContaining('credentials.key is empty')])
  })

  it.each(['name', 'password'])(
    'takes an empty %s of a user as written, and not from a variable that is empty',
    (key) => {
      const user = (value: string) =>
        `listen: [{ users: [{ name: a, password: b }, { name: c, password: d, ${key}: ${value} }] }]`
          .replace(`${key}: ${key === 'name' ? 'c' : 'd'}, `, '')
          .concat('\n', oneProvider)
      expect(problemsOf(user('"${A}"'), { A: '' })).toEqual([
        expect.stringContaining(`listen[0].users[1].${key} is empty: the environment variable holds nothing`),
      ])
      expect(() => parse(user('""'))).not.toThrow()
      expect(() => parse(user('"${A}"'), { A: 'e' })).not.toThrow()
    },
  )
})

let folder = ''
const write = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-config-'))
  mkdirSync(join(folder, 'sub'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('files', () => {
  it('names a file that cannot be read', () => {
    expect(problemsOfFile(join(folder, 'none.yaml'))).toEqual([
      '-:-  there is no such file: "turnpike init" writes one, --config FILE names another',
    ])
    expect(problemsOfFile(folder)).toEqual([expect.stringContaining('this is a folder')])
    expect(problemsOfFile(join(write('plain', ''), 'x.yaml'))).toEqual([
      expect.stringContaining('a part of this path is a file'),
    ])
    expect(problemsOfFile(write('latin1.yaml', Buffer.from('log: "\xe4"', 'latin1')))).toEqual([
      expect.stringContaining('not UTF-8'),
    ])
    expect(problemsOfFile(write('utf16.yaml', Buffer.from('\ufefflog: {}', 'utf16le')))).toEqual([
      expect.stringContaining('not UTF-8'),
    ])
    expect(problemsOfFile(write('big.yaml', `#${'x'.repeat(1_048_576)}`))).toEqual([
      expect.stringContaining('larger than 1 MiB'),
    ])
  })

  it('accepts a byte order mark and Windows line ends', () => {
    const file = write('bom.yaml', `\ufefflog: { level: warn }\r\nproviders:\r\n  - ${acme}\r\n`)
    expect(loadConfig(file, {}, fakeSchema).log.level).toBe('warn')
  })

  it('resolves paths against the folder of the file', () => {
    write('proxies.txt', '')
    write('ca.pem', '')
    const source = `state: { path: ../data }
providers:
  - { name: f, vendor: static, file: ../proxies.txt }
  - { name: c, vendor: static, list: ["x:80"], upstream: { tls: { ca: ../ca.pem } } }`
    const { providers, state } = loadConfig(write('sub/gateway.yaml', source), {}, fakeSchema)
    expect(state).toEqual({ path: join(folder, 'data') })
    expect(providers[0]).toMatchObject({ file: join(folder, 'proxies.txt') })
    expect(providers[1]?.upstream.tls).toEqual({ verify: true, ca: join(folder, 'ca.pem') })
  })

  it('misses the files that it names', () => {
    const file = write(
      'missing.yaml',
      'providers:\n  - name: f\n    vendor: static\n    file: none.txt\n    upstream: { tls: { ca: none.pem } }',
    )
    expect(problemsOfFile(file)).toEqual([
      '4:11 providers[0].file there is no such file (paths are relative to the configuration)',
      '5:28 providers[0].upstream.tls.ca there is no such file (paths are relative to the configuration)',
    ])
  })

  it('puts file, line, column and path into the message', () => {
    const file = write('wrong.yaml', 'pool: { floor: x }\nproviders: [{ name: a, vendor: demo }]')
    expect(() => loadConfig(file, {}, fakeSchema)).toThrow(
      new ConfigError(file, [{ path: 'pool.floor', message: 'must be a number', line: 1, column: 16 }]),
    )
    expect(() => loadConfig(file, {}, fakeSchema)).toThrow(`${file}:1:16: pool.floor: must be a number`)
  })
})

it('gives a configuration that nobody can change', () => {
  const isFrozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    value instanceof Secret ||
    (Object.isFrozen(value) && Object.values(value).every(isFrozen))
  const config = parse(
    `listen: [{ allow: [127.0.0.1], users: [{ name: u, password: p }] }]\nbans: [{ host: a.example, status: [403] }]\n${oneProvider}`,
  )
  expect(Object.values(config).filter((section) => !isFrozen(section))).toEqual([])
  expect(Object.isFrozen(config)).toBe(true)
})
