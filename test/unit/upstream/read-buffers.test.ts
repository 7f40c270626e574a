import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Upstream } from '../../../src/pool/upstream.ts'
import { TimeoutQueue } from '../../../src/structures/timeout-queue.ts'
import { UpstreamConnection } from '../../../src/upstream/connection.ts'
import { UpstreamHttp } from '../../../src/upstream/http-connection.ts'
import { ReadBuffers } from '../../../src/upstream/read-buffers.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MAX_OWNED = 64

// A connection took its own buffer after the read that had ended it, and never gave it back: then no other connection got one.
it('a connection that ends with a full read keeps no buffer', () => {
  const buffers = new ReadBuffers()
  const owner = { opened: () => {}, failed: () => {}, failInternally: () => {} }
  const facts = {
    id: 'u',
    provider: 'p',
    protocol: 'http',
    host: '192.0.2.1',
    port: 1,
    boughtAt: 0,
    deadline: 1,
  } as const
  for (let n = 0; n < MAX_OWNED; n++) {
    const connection = new UpstreamConnection(
      { buffers, maxReplyBytes: 100, linesFor: () => '' },
      new Upstream(facts),
      owner,
      0,
    )
    connection.socket = new Socket()
    const http = new UpstreamHttp(connection, new TimeoutQueue(new FakeClock(), 1_000))
    const buffer = connection.readInto()
    // No request was sent: the connection is closed.
    connection.received(buffer.length, buffer)
    expect(http.isOpen).toBe(false)
  }
  expect(buffers.take()).toBeDefined()
})
