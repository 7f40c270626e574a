/** The sockets between a worker and the control process, when one of them dies. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ControlSocket } from '../../../src/workers/control-socket.ts'
import type { Hello } from '../../../src/workers/messages.ts'

const HELLO: Hello = {
  ...{ kind: 'hello', worker: 0, addresses: [], isEachOwned: false },
  ...{ upstreams: [], sessions: [], moved: [], users: [] },
}

async function startControl() {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-control-'))
  const place = join(folder, 'control.sock')
  const events: string[] = []
  let next = () => {}
  const say = (event: string) => {
    events.push(event)
    next()
  }
  const control = new ControlSocket({
    joined: ({ worker }) => say(`joined ${worker}`),
    message: (_, { kind }) => say(kind),
    disconnected: (worker) => say(`disconnected ${worker}`),
  })
  await control.open(place)
  onTestFinished(() => {
    control.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const until = async (event: string) => {
    while (!events.includes(event)) await new Promise<void>((resolve) => (next = resolve))
  }
  return { control, place, events, until }
}

const line = (message: object) => `${JSON.stringify(message)}\n`

it('reads what a killed worker has sent last, although a message to it has failed by then', async () => {
  const { control, place, events, until } = await startControl()
  const down = connect(place)
  down.write(line({ kind: 'listens', worker: 0 }))
  await once(down, 'data')
  const up = connect(place)
  up.write(line(HELLO))
  await until('joined 0')
  // In one turn of the event loop: nothing is read between these steps.
  up.write(line({ kind: 'ended', id: 'u1' }))
  up.destroy()
  down.destroy()
  control.send(0, { kind: 'own-port', host: '127.0.0.1', port: 1 })
  await until('disconnected 0')
  expect(events).toEqual(['joined 0', 'ended', 'disconnected 0'])
})

it('does not take a worker that listens to another control process', async () => {
  const { place, events } = await startControl()
  const up = connect(place)
  up.write(line(HELLO))
  up.resume()
  await once(up, 'close')
  expect(events).toEqual([])
})
