/** Reloads on bad days: what the file names is gone, the file is written in pieces, many ask at once, over a real process too. */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.ts'
import { connectVia } from '../support/client.ts'
import { eventually } from '../support/gateway.ts'
import { type ReloadableGateway, startReloadable } from '../support/reloads.ts'

const other = { name: 'other', vendor: 'static', list: ['127.0.0.1:9'], allowPrivate: true }
const status = async ({ port }: ReloadableGateway) => (await connectVia(port, 'echo.test:7')).status

/** The places of the mistakes for which a reload is refused; the gateway goes on as before. */
async function mistakesOf(gateway: ReloadableGateway, change: object): Promise<string[]> {
  const before = gateway.app.gateway.config
  const failure = await gateway.change({ ...change }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ConfigError)
  expect([gateway.app.gateway.config === before, await status(gateway)]).toEqual([true, 200])
  return (failure as ConfigError).problems.map(({ path, message }) => `${path} ${message}`)
}

describe('a reload is refused, and nothing changes', () => {
  it('when a rule, a group or a port names a provider that the file has no more', async () => {
    const gateway = await startReloadable({
      config: {
        routes: [{ to: 'group both' }],
        groups: [{ name: 'both', members: ['own'] }],
        listen: [{ port: 0, provider: 'own' }],
      },
    })
    const found = await mistakesOf(gateway, {
      providers: [other],
      routes: [{ host: 'a.test', to: 'provider own' }, { to: 'group both' }],
    })
    const named = (path: string) => expect.stringContaining(`${path} no provider has this name`)
    expect(found).toEqual(
      expect.arrayContaining([named('listen[0].provider'), named('routes[0].to'), named('groups[0].members[0]')]),
    )
    expect(found.length).toBe(3)
  })

  it('when the groups form a cycle', async () => {
    const gateway = await startReloadable()
    const groups = [
      { name: 'a', members: ['own', { group: 'b' }] },
      { name: 'b', members: [{ group: 'c' }] },
      { name: 'c', members: ['own'], fallback: 'group a' },
    ]
    const found = await mistakesOf(gateway, { groups, routes: [{ to: 'group a' }] })
    expect(found).toEqual([expect.stringContaining('the groups form a cycle: a -> b -> c -> a')])
  })
})

it('a file that is written in pieces is in force when it is whole, and no piece of it before', async () => {
  const gateway = await startReloadable({ config: { reload: 'auto' } })
  const whole = gateway.text.replace('listen:', `routes:\n  - { host: echo.test, to: block }\nlisten:`)
  expect(whole).not.toBe(gateway.text)
  const said = (text: string) => gateway.log.records().filter(({ msg }) => String(msg).startsWith(text)).length
  for (const part of [0.3, 0.6]) {
    const before = said('not reloaded')
    writeFileSync(gateway.file, whole.slice(0, whole.length * part))
    await eventually(() => said('not reloaded')).toBeGreaterThan(before)
    expect(await status(gateway)).toBe(200)
  }
  writeFileSync(gateway.file, whole)
  await eventually(() => said('reloaded')).toBe(1)
  expect(await status(gateway)).toBe(403)
})

it('a file whose mistake is taken back is read again, so that it is no longer refused', async () => {
  const gateway = await startReloadable({ config: { reload: 'auto' } })
  const said = (text: string) => gateway.log.records().filter(({ msg }) => String(msg).startsWith(text)).length
  await gateway.change({})
  const inForce = readFileSync(gateway.file, 'utf8')
  const before = said('reloaded')
  writeFileSync(gateway.file, inForce.replace('listen:', 'lisen:'))
  await eventually(() => said('not reloaded')).toBe(1)
  writeFileSync(gateway.file, inForce)
  await eventually(() => said('reloaded')).toBe(before + 1)
  expect(await status(gateway)).toBe(200)
})
