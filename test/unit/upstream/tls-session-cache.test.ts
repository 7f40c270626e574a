import { EventEmitter } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { expect, it } from 'vitest'
import { Upstream } from '../../../src/pool/upstream.ts'
import { TlsSessions } from '../../../src/upstream/tls-session-cache.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const HOUR_MS = 3_600_000

function world() {
  const clock = new FakeClock()
  const sessions = new TlsSessions(clock)
  const facts = {
    id: 'a',
    provider: 'p',
    protocol: 'https',
    host: 'a.test',
    port: 1,
    boughtAt: 0,
    deadline: 1,
  } as const
  const upstream = new Upstream(facts)
  /** A connection that offers what there is to offer. */
  const open = () => {
    const socket = new EventEmitter() as EventEmitter & { authorized: boolean; isSessionReused: () => boolean }
    socket.authorized = false
    sessions.watch(socket as unknown as TLSSocket, upstream, sessions.of(upstream))
    return {
      socket,
      verified: (state: string, isReused: boolean) => {
        Object.assign(socket, { authorized: true, isSessionReused: () => isReused })
        socket.emit('session', Buffer.from(state))
      },
    }
  }
  return { clock, open, upstream, offered: () => sessions.of(upstream)?.state.toString() }
}

it('keeps the latest session of a verified connection, and none of another', () => {
  const { open, offered } = world()
  expect(offered()).toBeUndefined()
  open().socket.emit('session', Buffer.from('unverified'))
  expect(offered()).toBeUndefined()
  const first = open()
  first.verified('one', false)
  first.verified('two', false)
  expect(offered()).toBe('two')
  open().socket.emit('session', Buffer.from('unverified'))
  expect(offered()).toBe('two')
})

it('asks for the certificate again after an hour, however often the session was resumed', () => {
  const { clock, open, offered } = world()
  open().verified('full', false)
  for (let n = 1; n <= 3; n++) {
    clock.advance(HOUR_MS / 4)
    open().verified(`resumed ${n}`, true)
    expect(offered()).toBe(`resumed ${n}`)
  }
  const last = open()
  clock.advance(HOUR_MS / 4)
  expect(offered()).toBeUndefined()
  last.verified('too late', true)
  expect(offered()).toBeUndefined()
  open().verified('full again', false)
  expect(offered()).toBe('full again')
})

it.each(['error', 'close'])('drops a session whose connection came to %s before it was verified', (event) => {
  const { open, offered } = world()
  const first = open()
  first.verified('one', false)
  first.socket.emit('close')
  expect(offered()).toBe('one')
  const tunnel = open()
  tunnel.verified('two', true)
  tunnel.socket.emit(event)
  expect(offered()).toBe('two')
  open().socket.emit(event)
  expect(offered()).toBeUndefined()
})
