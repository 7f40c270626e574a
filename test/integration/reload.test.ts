/** Another configuration while the gateway runs: what changes, what stays, and what a mistake does. */

import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { watchFiles } from '../../src/config/watch.ts'
import { ConfigError } from '../../src/errors.ts'
import { basic, connectVia, dial, plain, readReply } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { eventually, type Gateway, refusalOf } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { startReloadable } from '../support/reloads.ts'
import { expectEcho } from '../support/socket-io.ts'

const PASSWORD = 'long-enough-password'
const OTHER = 'another-long-password'
const login = { username: 'crawler', password: PASSWORD }

const status = async (port: number, options = {}) => (await connectVia(port, 'echo.test:7', options)).status

describe('a file with mistakes', () => {
  it('changes nothing, and says line and column in the log and to whoever asked', async () => {
    const { app, port, file, log } = await startReloadable()
    writeFileSync(file, 'listen: [{ port: 0 }]\nproviders:\n  - { name: own, vendor: static, list: [], lisst: [] }\n')
    const failure = await app.reload('test').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as ConfigError).problems).toContainEqual(expect.objectContaining({ line: 3, column: 44 }))
    expect(log.records().some((entry) => entry['line'] === 3 && entry['column'] === 44)).toBe(true)
    expect(await status(port)).toBe(200)
  })

  it('that is half written is no reason to stop', async () => {
    const { app, port, file } = await startReloadable()
    for (const text of ['', 'listen: [{ port', 'providers:\n']) {
      writeFileSync(file, text)
      await expect(app.reload('test')).rejects.toBeInstanceOf(ConfigError)
    }
    expect(await status(port)).toBe(200)
  })
})

describe('ports', () => {
  it('are opened and closed; what is open on a closed one runs on', async () => {
    const gateway = await startReloadable()
    const tunnel = await connectVia(gateway.port, 'echo.test:7')
    const added = await freePort()
    const report = await gateway.change({ listen: [{ port: added }] })
    expect(report).toEqual({ changed: ['listen'], needsRestart: [] })
    expect(gateway.app.addresses.map(({ port }) => port)).toEqual([added])
    expect(await status(added)).toBe(200)
    await expect(connectVia(gateway.port, 'echo.test:7')).rejects.toThrow()
    await expectEcho(tunnel, 'undisturbed')
  })

  it('that are taken refuse the whole reload', async () => {
    const gateway = await startReloadable()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as AddressInfo
    const users = [{ name: 'crawler', password: PASSWORD }]
    const change = gateway.change({ listen: [{ port: 0, users }, { port }] })
    await expect(change).rejects.toThrow(
      new RegExp(`^port ${port} on 127.0.0.1 is in use: .*, or change listen\\[1\\].port$`),
    )
    expect(gateway.app.addresses.length).toBe(1)
    expect(await status(gateway.port)).toBe(200)
    await gateway.change({ listen: [{ port: 0, users }] })
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7'))).toMatchObject({ code: 'GW_LOGIN_REQUIRED' })
  })
})

describe('the same port at another address', async () => {
  const port = await freePort()
  const [narrow, wide] = [
    { host: '127.0.0.1', port },
    { host: '0.0.0.0', port },
  ]
  const users = [{ name: 'crawler', password: PASSWORD }]

  it('is opened in place of the former one, and back', async () => {
    const gateway = await startReloadable({ config: { listen: [narrow] } })
    const tunnel = await connectVia(port, 'echo.test:7')
    await gateway.change({ listen: [{ ...wide, users }] })
    expect(gateway.app.addresses).toEqual([wide])
    expect(await status(port, { login })).toBe(200)
    expect(refusalOf(await connectVia(port, `127.0.0.1:${port}`, { login }))).toMatchObject({
      code: 'GW_TARGET_NOT_ALLOWED',
    })
    await gateway.change({ listen: [narrow] })
    expect([gateway.app.addresses, await status(port)]).toEqual([[narrow], 200])
    await expectEcho(tunnel, 'undisturbed')
  })

  it('is given back when another port cannot be had', async () => {
    const gateway = await startReloadable({ config: { listen: [narrow] } })
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const other = (taken.address() as AddressInfo).port
    const open = [{ ...wide, users }]
    await expect(gateway.change({ listen: [...open, { port: other }] })).rejects.toThrow('is in use')
    expect([gateway.app.addresses, await status(port)]).toEqual([[narrow], 200])
  })

  it('is given back when another process has it at an address of its own', async () => {
    const gateway = await startReloadable({ config: { listen: [narrow] } })
    const taken = createServer().listen(port, '127.0.0.2')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    await expect(gateway.change({ listen: [{ ...wide, users }] })).rejects.toThrow('is in use')
    expect([gateway.app.addresses, await status(port)]).toEqual([[narrow], 200])
    const kept = await dial(port)
    const answer = await plain(port, 'http://site.test/', { over: kept })
    expect(header(answer.headers, 'connection')).toBe('keep-alive')
  })
})

describe('users', () => {
  const listen = (password: string) => [{ port: 0, users: [{ name: 'crawler', password }] }]

  it('have their new password at once, also on a connection that is open and for a CONNECT that was seen before', async () => {
    const gateway = await startReloadable({ config: { listen: listen(PASSWORD) }, secrets: [PASSWORD, OTHER] })
    const { port } = gateway
    expect(await status(port, { login })).toBe(200)
    await gateway.change({ listen: listen(OTHER) })
    expect(await status(port, { login })).toBe(407)
    expect(await status(port, { login: { username: 'crawler', password: OTHER } })).toBe(200)
  })

  it('have it also for a request that repeats the header of the one before it on a kept connection', async () => {
    const gateway = await startReloadable({ config: { listen: listen(PASSWORD) }, secrets: [PASSWORD, OTHER] })
    const kept = await dial(gateway.port)
    const statusAgain = async () => {
      const headers = `Host: site.test\r\nProxy-Authorization: ${basic(login)}\r\n`
      kept.socket.write(`GET http://site.test/ HTTP/1.1\r\n${headers}\r\n`)
      return (await readReply(kept)).status
    }
    expect([await statusAgain(), await statusAgain()]).toEqual([200, 200])
    const [port] = listen(PASSWORD)
    await gateway.change({ listen: [{ ...port, allow: ['127.0.0.0/8'] }] })
    expect(await statusAgain()).toBe(200)
    await gateway.change({ listen: listen(OTHER) })
    expect(await statusAgain()).toBe(407)
  })

  it('are asked for a login in every request of a kept connection that had none before', async () => {
    const gateway = await startReloadable({ config: { listen: [{ port: 0 }] }, secrets: [PASSWORD] })
    const kept = await dial(gateway.port)
    const statusAgain = async () => {
      kept.socket.write('GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n')
      return (await readReply(kept)).status
    }
    expect(await statusAgain()).toBe(200)
    await gateway.change({ listen: listen(PASSWORD) })
    expect([await statusAgain(), await statusAgain()]).toEqual([407, 407])
  })

  it('have their options read anew on a kept connection when optionHeaders has changed', async () => {
    const gateway = await startReloadable({ config: { listen: [{ port: 0, optionHeaders: false }] } })
    const kept = await dial(gateway.port)
    const statusAgain = async () => {
      kept.socket.write('GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\nX-Turnpike-Country: nowhere\r\n\r\n')
      return (await readReply(kept)).status
    }
    expect(await statusAgain()).toBe(200)
    await gateway.change({ listen: [{ port: 0, optionHeaders: true }] })
    // No address is in that country.
    expect(await statusAgain()).toBe(503)
  })
})

describe('limits and times', () => {
  it('hold for connections from then on', async () => {
    const gateway = await startReloadable({ upstreams: 1 })
    const first = await connectVia(gateway.port, 'echo.test:7')
    await gateway.change({ limits: { connections: 1 } })
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7')).code).toBe('GW_TOO_MANY_CONNECTIONS')
    await expectEcho(first, 'undisturbed')
    await gateway.change({
      limits: { connections: 100 },
      pool: { perUpstream: { connections: 1 } },
      wait: { timeout: '50ms' },
    })
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(503)
    await gateway.change({ pool: { perUpstream: { connections: 2 } } })
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
  })

  it('a session outlives a change of its own settings', async () => {
    const gateway = await startReloadable({ upstreams: 5 })
    const ask = () => plain(gateway.port, 'http://site.test/', { login: { username: 'x-session-a', password: '' } })
    const peer = async () => {
      await ask()
      return gateway.world.site.requests.at(-1)?.peer
    }
    const before = await peer()
    await gateway.change({ session: { idle: '5m', max: 10 } })
    for (let n = 0; n < 6; n++) expect(await peer()).toBe(before)
  })
})

it('the dashboard shows a mistake until a good file is in force, and what needs a restart', async () => {
  const admin = { port: await freePort(), token: OTHER }
  const { change } = await startReloadable({ config: { admin } })
  const findings = async () => {
    const answer = await fetch(`http://127.0.0.1:${admin.port}/v1/verdict`)
    return ((await answer.json()) as { findings: { code: string; sentence: string }[] }).findings
  }
  await expect(change({ pool: { flor: 5 }, wait: { timeout: 'soon' } })).rejects.toBeInstanceOf(ConfigError)
  const [finding] = await findings()
  expect(finding?.code).toBe('not-reloaded')
  expect(finding?.sentence).toMatch(
    /gateway\.yaml:\d+:\d+ pool\.flor \(1 of 2 mistakes\): unknown key; did you mean floor\?$/,
  )
  await change({ pool: {}, wait: {}, workers: 2, callback: { port: 1, path: '/callback/of-a-test-0123456789abcdef' } })
  const restart = (await findings()).filter(({ code }) => code === 'needs-restart')
  expect(restart.map(({ sentence }) => sentence)).toEqual([
    'Changed in the file, and not yet in force: workers, callback.',
  ])
  await change({ workers: 1, callback: 'off' })
  expect((await findings()).map(({ code }) => code)).not.toContain('needs-restart')
})

describe('what only a restart takes up', () => {
  it('is told, and the rest takes effect', async () => {
    const gateway = await startReloadable()
    const report = await gateway.change({ admin: { port: 1 }, limits: { connections: 50 } })
    expect(report).toEqual({ changed: ['admin', 'limits'], needsRestart: ['admin'] })
    expect(gateway.log.records().some(({ path, msg }) => path === 'admin' && /restart/.test(String(msg)))).toBe(true)
  })
})

it('a new admin.token is demanded at once, a token that is taken away needs a restart', {
  timeout: 90_000,
}, async () => {
  const config = { admin: { port: 0, token: 'the-former-admin-token' } }
  const gateway = await startReloadable({ config, secrets: ['the-former-admin-token', 'the-next-admin-token'] })
  const ask = async (token: string) => {
    const headers = { Authorization: `Bearer ${token}` }
    const place = `http://127.0.0.1:${gateway.app.admin?.port}/v1/reload`
    const reply = await fetch(place, { method: 'POST', headers, body: '{}' })
    return { status: reply.status, body: (await reply.json()) as unknown }
  }
  gateway.write({ admin: { port: 0, token: 'the-next-admin-token' } })
  expect(await ask('the-next-admin-token')).toMatchObject({ status: 401 })
  expect(await ask('the-former-admin-token')).toEqual({ status: 200, body: { changed: ['admin'], needsRestart: [] } })
  expect(await ask('the-former-admin-token')).toMatchObject({ status: 401 })
  expect(await ask('the-next-admin-token')).toMatchObject({ status: 200 })
  gateway.write({ admin: { port: 0 } })
  expect(await ask('the-next-admin-token')).toMatchObject({ body: { needsRestart: ['admin'] } })
  expect(await ask('the-next-admin-token')).toMatchObject({ status: 200 })
})

it('a list of hosts is watched too, wherever it lies', async () => {
  const gateway = await startReloadable()
  const lists = join(gateway.folder, 'lists')
  mkdirSync(lists)
  writeFileSync(join(lists, 'blocked.txt'), 'other.test\n')
  await gateway.change({ reload: 'auto', routes: [{ hosts: 'lists/blocked.txt', to: 'block' }] })
  expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
  writeFileSync(join(lists, 'blocked.txt'), 'echo.test\n')
  const reloads = () => gateway.log.records().filter(({ trigger }) => trigger === 'file')
  await eventually(() => reloads().length).toBe(1)
  expect(reloads()[0]).toMatchObject({ changed: ['routes'] })
  expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(403)
})

describe('with reload: auto, a file that a refused configuration names is awaited', () => {
  const lines = 'other.test\necho.test\n'
  const refusals = ({ log }: Gateway) =>
    log.records().filter(({ msg }) => String(msg).startsWith('not reloaded')).length
  const reloads = ({ log }: Gateway) => log.records().filter(({ changed }) => changed !== undefined).length

  it.each([
    ['a list of hosts that is missing', undefined],
    ['a list of hosts with a mistake', 'other test\n'],
  ])('%s', async (_, before) => {
    const gateway = await startReloadable()
    const list = join(gateway.folder, 'blocked.txt')
    if (before !== undefined) writeFileSync(list, before)
    await gateway.change({ reload: 'auto' })
    gateway.write({ routes: [{ hosts: 'blocked.txt', to: 'block' }] })
    await eventually(() => refusals(gateway)).toBe(1)
    writeFileSync(list, lines)
    await eventually(() => reloads(gateway)).toBe(2)
    expect([await status(gateway.port), refusals(gateway)]).toEqual([403, 1])
  })

  it('addresses in a file, until they are there', async () => {
    const gateway = await startReloadable({ upstreams: 1 })
    const list = join(gateway.folder, 'proxies.txt')
    await gateway.change({ reload: 'auto' })
    const own = { name: 'own', vendor: 'static', allowPrivate: true, file: 'proxies.txt' }
    gateway.write({ providers: [own] })
    await eventually(() => refusals(gateway)).toBe(1)
    writeFileSync(list, gateway.world.lines().join('\n'))
    await eventually(() => reloads(gateway)).toBe(2)
    expect(await status(gateway.port)).toBe(200)
    let reports = 0
    const watch = watchFiles([list], gateway.app.clock, () => reports++)
    for (const count of [1, 2, 3]) {
      await eventually(() => reports).toBe(count)
      writeFileSync(list, [...gateway.world.lines(), ...'#'.repeat(count)].join('\n'))
    }
    watch.close()
    expect(reloads(gateway)).toBe(2)
  })
})

it('reloads are one after another, however many are asked for at once', async () => {
  const gateway = await startReloadable()
  gateway.write({ limits: { connections: 77 } })
  const reports = await Promise.all(Array.from({ length: 20 }, () => gateway.app.reload('test')))
  expect(reports.map(({ changed }) => changed)).toEqual([['limits'], ...Array.from({ length: 19 }, () => [])])
})

it('a file is watched with reload: auto, and not before', async () => {
  const gateway = await startReloadable()
  await gateway.change({ reload: 'auto' })
  gateway.write({ limits: { connections: 1 } })
  const held = await connectVia(gateway.port, 'echo.test:7')
  await eventually(() => gateway.log.records().filter(({ trigger }) => trigger === 'file').length).toBe(1)
  expect(refusalOf(await connectVia(gateway.port, 'echo.test:7')).code).toBe('GW_TOO_MANY_CONNECTIONS')
  held.socket.destroy()
})

it('a changed .env beside the file is taken up too', async () => {
  const gateway = await startReloadable()
  writeFileSync(join(gateway.folder, '.env'), 'TEST_LEVEL=warn\n')
  await gateway.change({ reload: 'auto', log: { level: '${TEST_LEVEL}' } })
  writeFileSync(join(gateway.folder, '.env'), 'TEST_LEVEL=debug\n')
  const reloads = () => gateway.log.records().filter(({ trigger }) => trigger === 'file')
  await eventually(() => reloads().length).toBe(1)
  expect(reloads()[0]).toMatchObject({ changed: ['log'] })
})
