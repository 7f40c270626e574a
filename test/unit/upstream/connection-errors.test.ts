import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Upstream } from '../../../src/pool/upstream.ts'
import { type DialFailure, UpstreamConnection } from '../../../src/upstream/connection.ts'
import { ReadBuffers } from '../../../src/upstream/read-buffers.ts'

const facts = {
  id: 'u',
  provider: 'p',
  protocol: 'http',
  host: '192.0.2.1',
  port: 1,
  boughtAt: 0,
  deadline: Number.POSITIVE_INFINITY,
} as const

/** What a system error means before the tunnel is open. */
function failureOf(code: string): DialFailure | undefined {
  let heard: DialFailure | undefined
  const failed = (_leg: UpstreamConnection, failure: DialFailure) => {
    heard = failure
  }
  const owner = { opened: () => {}, failed, failInternally: () => {} }
  const host = { buffers: new ReadBuffers(), maxReplyBytes: 100, linesFor: () => '' }
  const connection = new UpstreamConnection(host, new Upstream(facts), owner, 0)
  connection.socket = new Socket()
  connection.errored(Object.assign(new Error('no'), { code }))
  return heard
}

it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])('%s is a fault of this machine', (code) => {
  expect(failureOf(code)).toEqual({ kind: 'local', code })
})

// On a machine without IPv6 every IPv6 upstream ends so; giving up would refuse clients whom other upstreams can serve.
it.each(['EADDRNOTAVAIL', 'ENETUNREACH', 'EACCES', 'EPERM', 'EHOSTUNREACH', 'ECONNREFUSED', 'ENOTFOUND', 'ETIMEOUT'])(
  '%s is about the one address',
  (code) => expect(failureOf(code)).toEqual({ kind: 'broken', how: 'unreachable' }),
)

it.each([
  ['ERR_FORBIDDEN_ADDRESS', 'forbidden'],
  ['ECONNRESET', 'closed'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'garbage'],
])('%s is %s', (code, how) => expect(failureOf(code)).toEqual({ kind: 'broken', how }))
