/** What the vendors of the registry know to be wrong with an entry, told with its place. */
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'

function problemsOf(yaml: string, environment: Record<string, string> = {}): string[] {
  try {
    parseConfig(yaml, 'gateway.yaml', environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, column, path, message }) => `${line ?? '-'}:${column ?? '-'} ${path} ${message}`)
  }
  return []
}

describe('ipipv static', () => {
  const entry = (more: string) =>
    `providers:
  - name: i
    vendor: ipipv
    product: static
    credentials: { appKey: a, appSecret: b }
    ${more}
`

  it('needs something to use or to buy', () => {
    expect(problemsOf(entry('weight: 2'))).toEqual([
      '4:14 providers[0].product static needs instances or orders that you have, or purchase, which buys them',
    ])
  })

  it.each(['instances: [c_1]', 'orders: [C1]', 'purchase: { productNo: p, count: 1, maxPrice: 2 }'])(
    'is content with %s',
    (line) => expect(problemsOf(entry(line))).toEqual([]),
  )

  it('the dynamic products need none of it', () => {
    const request = 'request: { appUsername: u, productNo: p, proxyType: 104 }'
    const dynamic = entry(request).replace('product: static', 'product: dynamic-password')
    expect(problemsOf(dynamic)).toEqual([])
  })
})

/** An entry without mistakes; `changes` replaces or, with undefined, removes lines. */
const lines = (changes: Record<string, string | undefined>) => {
  const all = {
    name: 'g',
    vendor: 'generic',
    url: '"https://api.vendor.example/take?key=${KEY}&count={num}"',
    format: 'json',
    items: 'data.list',
    fields: '{ host: ip, port: port }',
    success: '{ field: code, is: 0 }',
    ...changes,
  }
  const written = Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]))
  return `providers:\n  - ${written.join('\n    ')}\n`
}
const generic = (changes: Record<string, string | undefined> = {}) => problemsOf(lines(changes), { KEY: 'hidden-key' })

describe('generic: keys that contradict each other', () => {
  it('an entry without mistakes has none', () => expect(generic()).toEqual([]))

  it.each([
    [
      'no place for an address',
      { fields: '{ city: city }' },
      '7:5 providers[0].fields needs address, or host and port',
    ],
    ['half a place', { fields: '{ host: ip }' }, '7:21 providers[0].fields.host host and port go together'],
    ['the other half', { fields: '{ port: p }' }, '7:21 providers[0].fields.port host and port go together'],
    [
      'two places',
      { fields: '{ address: a, host: ip, port: port }' },
      '7:24 providers[0].fields.address write either address, or host and port',
    ],
    [
      'two lives',
      { fields: '{ address: a, deadline: { field: e, zone: UTC }, ttl: { field: t } }' },
      'providers[0].fields.ttl write either deadline or ttl',
    ],
    [
      'a body that is never sent',
      { body: '"{}"' },
      'providers[0].body a body needs method: POST beside it, or PUT, PATCH, DELETE',
    ],
    [
      'a header twice',
      { headers: '{ X-Key: a, x-key: b }' },
      'providers[0].headers.x-key this header is there already',
    ],
    [
      'a header of the connection',
      { headers: '{ Host: a }' },
      'providers[0].headers.Host is set by the gateway itself',
    ],
    ['a header that is none', { headers: '{ "a b": c }' }, 'headers."a b" this cannot be the name of a header'],
    [
      'names in a text',
      { format: 'text', fields: '{ address: 1, city: city }' },
      'providers[0].fields.city a text has columns: write the number of one, as in 2',
    ],
    [
      'names and columns',
      { fields: '{ address: 1, ttl: { field: seconds } }' },
      'providers[0].fields.address other fields are members with names',
    ],
    [
      'an error that nothing tells',
      { errors: '[{ class: auth }]' },
      'providers[0].errors[0] needs code, contains or status',
    ],
    [
      'a code without its place',
      { success: undefined, errors: '[{ code: 1, class: auth }]' },
      'providers[0].errors[0].code needs success: which says where the code stands',
    ],
    [
      'a wait of what does not wait',
      { errors: '[{ code: 1, class: auth, wait: 3s }]' },
      'providers[0].errors[0].wait only rate_limited and quota_exhausted wait',
    ],
    [
      'giving back without a call for it',
      { giveBack: '{ idle: 10m }' },
      'providers[0].giveBack needs operations.release, the call that gives an address back',
    ],
    [
      'two limits that are counted together',
      { limit: '[{ calls: 1, group: a }, { calls: 9, per: 1d, group: a }]' },
      'providers[0].limit[1].group is counted apart',
    ],
    [
      'a header of a list',
      { fields: '{ address: $header.x-address }' },
      'providers[0].fields.address only login reads header fields and cookies',
    ],
    [
      'a whole list that no call reads',
      { operations: '{ whitelistAdd: { url: "http://a.example/{ips}" } }' },
      'providers[0].operations.whitelistAdd needs operations.whitelistList',
    ],
    [
      'a name that the list does not tell',
      {
        operations:
          '{ whitelistAdd: { url: "http://a.example/{ip}" }, whitelistRemove: { url: "http://a.example/{id}" }, whitelistList: { url: "http://a.example/" } }',
      },
      'providers[0].operations.whitelistRemove needs whitelistList.fields.id, the place of {id}',
    ],
    [
      'a value that is none, where several shapes may be',
      { success: '{ field: code, is: { a: 1 } }' },
      'providers[0].success.is write a text or a number or true or false or null or a list',
    ],
    [
      'a page of the whitelist without a name',
      {
        operations:
          '{ whitelistAdd: { url: "http://a.example/{ip}" }, whitelistList: { url: "http://a.example/{cursor}" } }',
      },
      'providers[0].operations.whitelistList.pages needs next, the place of {cursor}',
    ],
    ['pages of what is bought', { pages: '{ first: 0 }' }, 'providers[0].pages needs owned: true'],
    [
      'a cursor without its place',
      { owned: 'true', query: '{ c: "{cursor}" }' },
      'providers[0].pages needs next, the place of {cursor} in the reply',
    ],
    [
      'a place without a cursor',
      { owned: 'true', pages: '{ next: meta.next }' },
      'providers[0].pages.next needs {cursor} in the call',
    ],
    ['429', { errors: '[{ status: 429, class: auth }]' }, 'providers[0].errors[0].class 429 is one of rate_limited, '],
  ])('%s', (_what, changes, problem) => expect(generic(changes)).toEqual([expect.stringContaining(problem)]))
})

describe('generic: keys of their own', () => {
  it.each([
    ['no url', { url: undefined }, 'providers[0].url is missing'],
    ['another scheme', { url: 'ftp://x/' }, 'providers[0].url write a link that begins with http:// or https://'],
    ['a fragment', { url: '"http://x/#a"' }, 'providers[0].url leave out everything from # on'],
    ['another placeholder', { url: '"http://x/{count}"' }, 'providers[0].url fills in only {num}, {timestamp}'],
    ['a slip in a placeholder', { url: '"http://x/{num}/{nmu}"' }, '{iso}; did you mean {num}?'],
    ['no format', { format: undefined }, 'providers[0].format is missing; write one of json, xml, text'],
    ['a slip', { format: 'jsn' }, 'providers[0].format did you mean json?'],
    ['a path that is none', { items: 'a..b' }, 'providers[0].items write the path of a member'],
    ['a column before the first', { fields: '{ address: 0 }' }, 'fields.address write the number of a column'],
    ['no zone', { fields: '{ address: a, deadline: { field: e } }' }, 'fields.deadline.zone is missing'],
    [
      'a zone that is none',
      { fields: '{ address: a, deadline: { field: e, zone: Beijing } }' },
      'fields.deadline.zone write the zone of the times, as in +08:00, UTC or Asia/Shanghai',
    ],
    ['a unit that is none', { fields: '{ address: a, ttl: { field: t, unit: sec } }' }, 'fields.ttl.unit'],
    [
      'a class that is none',
      { errors: '[{ code: 1, class: quota }]' },
      'errors[0].class did you mean quota_exhausted?',
    ],
    ['a wait without a unit', { errors: '[{ code: 1, class: rate_limited, wait: 3 }]' }, 'errors[0].wait write a unit'],
    ['a limit without a unit', { limit: '{ calls: 5, per: 1 }' }, 'providers[0].limit.per write a unit'],
    ['an unknown key', { feilds: '{}' }, 'providers[0].feilds unknown key; did you mean fields?'],
    ['an unknown fact', { fields: '{ address: a, citty: c }' }, 'fields.citty unknown key; did you mean city?'],
    ['keys of other vendors', { channels: '3' }, 'providers[0].channels unknown key'],
  ])('%s', (_what, changes, problem) => expect(generic(changes)).toEqual([expect.stringContaining(problem)]))

  it('all mistakes at once, in their order, and none shows the key', () => {
    const problems = generic({
      url: '"${KEY}"',
      body: '"${KEY}"',
      fields: '{ host: ip }',
      errors: '[{ class: auth }, { code: 1, class: authh }]',
      limit: '{ calls: 0 }',
    })
    expect(problems.map((problem) => problem.split(' ')[1])).toEqual([
      'providers[0].url',
      'providers[0].fields.host',
      'providers[0].body',
      'providers[0].errors[0]',
      'providers[0].errors[1].class',
      'providers[0].limit.calls',
    ])
    expect(problems.join('\n')).not.toContain('hidden')
  })
})
