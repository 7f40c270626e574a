import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { internalErrors } from '../../../src/internal-errors.ts'
import { LineChannel, type LineHandler } from '../../../src/takeover/line-channel.ts'

/** A channel, and the socket on which it is sent pieces. */
function open(handler: Partial<LineHandler>) {
  const socket = new Duplex({ read: () => {}, write: (_octets, _encoding, done) => done() })
  const messages: unknown[] = []
  let closed = 0
  new LineChannel(socket as unknown as Socket, {
    message: (value) => {
      messages.push(value)
      handler.message?.(value)
    },
    closed: () => {
      closed++
      handler.closed?.()
    },
  })
  const send = async (piece: string) => {
    socket.push(piece)
    await new Promise(setImmediate)
  }
  return { socket, messages, send, closed: () => closed }
}

it('reads lines in pieces of any size', async () => {
  const text = '{"a":1}\n{"b":"\u4e2d"}\n[]\n'
  for (let size = 1; size <= text.length; size++) {
    const { messages, send } = open({})
    for (let at = 0; at < text.length; at += size) await send(text.slice(at, at + size))
    expect(messages).toEqual([{ a: 1 }, { b: '\u4e2d' }, []])
  }
})

it('an exception of the handler is reported, and the channel goes on', async () => {
  const before = internalErrors.count
  const fail = () => {
    throw new Error('on purpose')
  }
  const { socket, messages, send, closed } = open({ message: fail, closed: fail })
  await send('1\n2\n')
  await send('3\n')
  expect(messages).toEqual([1, 2, 3])
  socket.destroy()
  await new Promise(setImmediate)
  expect([closed(), internalErrors.count - before]).toEqual([1, 4])
})

it('a line that is not JSON ends it', async () => {
  const { socket, messages, send, closed } = open({})
  await send('1\nnonsense\n2\n')
  expect([messages, socket.destroyed, closed()]).toEqual([[1], true, 1])
})
