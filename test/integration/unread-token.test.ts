/** Commands of a user who cannot read the token that the gateway keeps in its state folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { runCommand } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'

const TOKEN = 'token-of-these-tests-4711'

it.each([['reload'], ['retry', 'own'], ['call', 'own', 'extract'], ['test-source', 'own']])(
  'turnpike %s names the file with the token, and what to do; status does not need it',
  async (...command) => {
    const gateway = await startGateway({ upstreams: 1, config: { admin: { port: 0, token: TOKEN } } })
    const folder = mkdtempSync(join(tmpdir(), 'turnpike-token-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'gateway.yaml')
    const providers = [{ name: 'own', vendor: 'static', list: ['192.0.2.1:1'] }]
    writeFileSync(file, stringify({ admin: { port: gateway.app.admin?.port }, state: { path: './state' }, providers }))
    const run = (...args: readonly string[]) => runCommand([...args, '-c', file], { input: '', secrets: [TOKEN] })
    const { code, err } = await run(...command)
    const token = join(folder, 'state', 'admin-token')
    expect([code, err]).toEqual([1, expect.stringContaining(`needs its token, and ${token}, which holds it, cannot`)])
    expect(await run('status')).toMatchObject({ code: 0, err: '' })
  },
)
