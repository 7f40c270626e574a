/** The codec beside the package `socks`: the same answers of an upstream, over a real socket to the package, mean the same. */
import { connect } from 'node:net'
import { SocksClient as PackageClient } from 'socks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.ts'
import { SocksClient } from '../../../src/socks/client.ts'
import { LoopbackServer } from '../../support/loopback-server.ts'

const login = { username: 'user', password: 'pass' }
const target = { host: 'example.com', port: 443 }

/** What the upstream says next, each time that it was sent something; then it ends. */
let script: Buffer[] = []
/** What it was sent, in hex. */
let sent: string[] = []
const upstream = new LoopbackServer((socket) => {
  const answers = [...script]
  socket.on('error', () => {})
  socket.on('data', (octets) => {
    sent.push(octets.toString('hex'))
    const answer = answers.shift()
    if (answer !== undefined) socket.write(answer)
    if (answers.length === 0) socket.end()
  })
})
beforeAll(async () => void (await upstream.listen()))
afterAll(() => upstream.close())

async function ofThePackage(): Promise<{ sent: string[]; isOpen: boolean }> {
  sent = []
  const socket = connect({ host: upstream.host, port: upstream.port })
  socket.on('error', () => {})
  try {
    await PackageClient.createConnection({
      proxy: { host: upstream.host, port: upstream.port, type: 5, userId: login.username, password: login.password },
      command: 'connect',
      destination: target,
      existing_socket: socket,
      timeout: 5_000,
    })
    return { sent, isOpen: true }
  } catch {
    return { sent, isOpen: false }
  } finally {
    socket.destroy()
  }
}

function ofTheCodec(): { sent: string[]; isOpen: boolean } {
  const codec = new SocksClient({ username: login.username, password: new Secret(login.password) })
  const out = [codec.greeting().toString('hex')]
  let isOpen = false
  for (const answer of script) {
    codec.receive(answer)
    for (let step = codec.next(); step !== undefined; step = codec.next()) {
      if (step.kind === 'send') out.push(step.octets.toString('hex'))
      if (step.kind === 'ready') out.push(codec.request(target).toString('hex'))
      if (step.kind === 'opened') isOpen = true
    }
  }
  return { sent: out, isOpen }
}

const OPENED = '0500000101020304ffff'

describe.each([
  ['no login', ['0500', OPENED]],
  ['a login', ['0502', '0100', OPENED]],
  ['a login with the version of SOCKS', ['0502', '0500', OPENED]],
  ['a reply with a name', ['0500', '0500000303612e62ffff']],
  ['a reply with an IPv6 address', ['0500', `05000004${'00'.repeat(16)}ffff`]],
  ['a refused login', ['0502', '0101']],
  ['no method', ['05ff']],
  ['a refusal', ['0500', '05050001000000000000']],
  ['another refusal', ['0500', '05010001000000000000']],
  ['HTTP', ['485454502f312e31203430300d0a0d0a']],
] as const)('an upstream that answers with %s', (_what, answers) => {
  it('is sent the same, and opens or not, in both', async () => {
    script = answers.map((hex) => Buffer.from(hex, 'hex'))
    expect(ofTheCodec()).toEqual(await ofThePackage())
  })
})
