import { expect, it } from 'vitest'
import { parseRedisUrl } from '../../../../src/store/redis/url.ts'

const nothing = { username: undefined, password: undefined, path: '' }

it.each([
  ['redis://cache', { ...nothing, kind: 'server', tls: false, nodes: [{ host: 'cache', port: 6379 }] }],
  [
    'rediss://u:p%40ss@[::1]:7000/2',
    { kind: 'server', tls: true, nodes: [{ host: '::1', port: 7000 }], username: 'u', password: 'p@ss', path: '2' },
  ],
  [
    'redis://:only@10.0.0.1:1',
    { ...nothing, kind: 'server', tls: false, nodes: [{ host: '10.0.0.1', port: 1 }], password: 'only' },
  ],
  [
    'redis+sentinel://a:26379,b:26379/main',
    {
      ...nothing,
      kind: 'sentinel',
      tls: false,
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26379 },
      ],
      path: 'main',
    },
  ],
  [
    'rediss+cluster://u:p@a,b:7001',
    {
      ...nothing,
      kind: 'cluster',
      tls: true,
      nodes: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7001 },
      ],
      username: 'u',
      password: 'p',
    },
  ],
])('reads %s', (url, expected) => {
  expect(parseRedisUrl(url)).toEqual(expected)
})

it.each([
  'http://cache',
  'redis://',
  'redis://a,b',
  'redis://a/name',
  'redis://a:99999',
  'redis+sentinel://a:26379',
  'redis+cluster://a/1',
  'redis+other://a',
  'redis://[nonsense]',
  'redis://us%er:p@a',
])('refuses %s', (url) => {
  expect(parseRedisUrl(url)).toBeUndefined()
})
