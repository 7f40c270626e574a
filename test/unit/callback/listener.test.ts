/** Real sockets on loopback: what a vendor's HTTP client gets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CallbackListener, startCallback } from '../../../src/callback/listener.ts'
import { internalErrors } from '../../../src/internal-errors.ts'
import { Secret } from '../../../src/secret.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const PATH = '/invented-secret-path-4711'
const clock = new FakeClock()
let hints: number
let isBroken: boolean
let listener: CallbackListener

beforeEach(async () => {
  hints = 0
  isBroken = false
  clock.advance(60_000)
  const settings = { host: '127.0.0.1', port: 0, path: new Secret(PATH) }
  const onHint = () => {
    if (isBroken) throw new TypeError('a bug of this test')
    hints++
  }
  listener = await startCallback(settings, onHint, { clock })
})
afterEach(() => listener.close())

const call = (target: string, method = 'GET') => fetch(`http://127.0.0.1:${listener.address.port}${target}`, { method })

describe('the callback listener', () => {
  it.each([
    'type=order&no=C20240429162339417081&op=1',
    'type=instance&no=c_gz3h2igp6dz9cq3&op=',
    'type=product&no=mb_gmfcq7blc&op=',
  ])('the document’s example %s', async (query) => {
    const response = await call(`${PATH}?${query}`)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('{"code":"success","msg":""}')
    expect(hints).toBe(1)
  })

  it('an exception behind a hint is 500 for this call, and counted', async () => {
    const before = internalErrors.count
    isBroken = true
    expect((await call(`${PATH}?type=order&no=C3&op=1`)).status).toBe(500)
    isBroken = false
    expect((await call(`${PATH}?type=order&no=C4&op=1`)).status).toBe(200)
    expect(internalErrors.count - before).toBe(1)
  })

  it('a repetition is answered alike and hints once; later it is news', async () => {
    const target = `${PATH}?type=order&no=C1&op=1`
    for (let n = 0; n < 3; n++) expect(await (await call(target)).text()).toBe('{"code":"success","msg":""}')
    expect(hints).toBe(1)
    await call(`${PATH}?type=order&no=C2&op=1`)
    expect(hints).toBe(2)
    await call(`${PATH}?type=order&no=C2&op=2`)
    await call(`${PATH}?type=instance&no=C2&op=2`)
    expect(hints).toBe(4)
    clock.advance(5_000)
    await call(target)
    expect(hints).toBe(5)
  })

  it.each([
    ['/', 'GET', 404],
    ['/other?type=order&no=C1&op=1', 'GET', 404],
    [`${PATH}/?type=order&no=C1&op=1`, 'GET', 404],
    ['/', 'POST', 404],
    [`${PATH}?type=order&no=C1&op=1`, 'POST', 405],
    [PATH, 'GET', 400],
    [`${PATH}?type=toString&no=C1`, 'GET', 400],
    [`${PATH}?type=order&no=../x&op=1`, 'GET', 400],
    [`${PATH}?type=order&no=C1&op=9`, 'GET', 400],
  ])('%s by %s: %d, and nobody is told', async (target, method, status) => {
    const response = await call(target, method)
    expect(response.status).toBe(status)
    expect(await response.text()).toBe('')
    expect(hints).toBe(0)
  })

  it('a port that is taken is told at start', async () => {
    const settings = { host: '127.0.0.1', port: listener.address.port, path: new Secret(PATH) }
    await expect(startCallback(settings, () => {}, { clock })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
