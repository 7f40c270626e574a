/** A call by hand that counts as several calls takes as many slots of its window. */
import { describe, expect, it } from 'vitest'
import { createLog } from '../../../src/log/log.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts } from '../../../src/supply/account.ts'
import { OperatorCalls } from '../../../src/supply/operator/call.ts'
import type { Provider } from '../../../src/supply/provider.ts'
import type { VendorRequest } from '../../../src/vendors/client/http.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'
import { settingsOf } from '../vendors/scripted-http.ts'

/** Two channels: four addresses may be released in a minute. */
function world() {
  const clock = new FakeClock()
  const accounts = new Accounts(clock, new LocalAccountStore(clock, forgetfulStore()))
  const sent: number[] = []
  const call = (request: VendorRequest) => {
    sent.push(request.url.searchParams.get('IP')?.split(',').length ?? 0)
    return Promise.resolve({
      status: 200,
      headers: {},
      text: '{"Code":0}',
      sentAt: clock.now(),
      vendorWallMs: undefined,
    })
  }
  const { gate } = accounts
  const settings = settingsOf({
    vendor: 'qg-legacy',
    product: 'dedicated',
    credentials: { Key: 'INVENTED' },
    channels: 2,
  })
  const source = openSource(settings, { clock, gate, http: { call, close: async () => {} } })
  const provider = {
    name: 'qg',
    source,
    heldRefs: [],
    account: accounts.of(source.account),
    operatorOrders: { assertBudget: () => {} },
    gaveBack: () => {},
  } as unknown as Provider
  const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
  const calls = new OperatorCalls({ clock, log, accounts, providers: [provider] })
  const release = (...ips: string[]) =>
    calls.call(
      { provider: 'qg', operation: 'release', params: { IP: ips.join(',') }, yes: true },
      new AbortController().signal,
    )
  return { clock, sent, release }
}

const A = '1.1.1.1'
const B = '1.1.1.2'
const C = '1.1.1.3'

describe('release with two channels', () => {
  it('three addresses and one fill the minute; the next waits for it to pass', async () => {
    const { clock, sent, release } = world()
    await release(A, B, C)
    await release(A)
    const late = release(B)
    await clock.run(59_000)
    expect(sent).toEqual([3, 1])
    await clock.run(3_000)
    await late
    expect(sent).toEqual([3, 1, 1])
  })

  it('a call waits until all of its slots are free', async () => {
    const { clock, sent, release } = world()
    await release(A, B)
    const three = release(A, B, C)
    await clock.run(59_000)
    expect(sent).toEqual([2])
    await clock.run(3_000)
    await three
    expect(sent).toEqual([2, 3])
  })

  it('more than a minute allows is refused, and nothing is sent', async () => {
    const { sent, release } = world()
    const five = release(A, B, C, '1.1.1.4', '1.1.1.5')
    await expect(five).rejects.toThrow(/would count as 5 calls, and the limit is 4 in 60 s/)
    expect(sent).toEqual([])
  })
})
