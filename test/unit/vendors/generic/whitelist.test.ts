/** A whitelist that is read and then replaced as a whole. */
import { expect, it } from 'vitest'
import type { VendorHttp } from '../../../../src/vendors/client/http.ts'
import { KeyedMutex } from '../../../../src/vendors/client/keyed-mutex.ts'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { openSource } from '../../../../src/vendors/registry.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { never, settingsOf } from '../scripted-http.ts'

it('is replaced by one provider at a time: the second one keeps what the first has added', async () => {
  let held = '9.9.9.9'
  const clock = new FakeClock()
  const http: VendorHttp = {
    call: async ({ url }) => {
      const text = held
      held = url.searchParams.get('ips') ?? held
      await Promise.resolve()
      return { status: 200, headers: {}, text, sentAt: clock.now(), vendorWallMs: undefined }
    },
    close: () => Promise.resolve(),
  }
  const { inTurn } = new KeyedMutex()
  const [mine, yours] = ['mine', 'yours'].map((filter) => {
    const url = 'http://api.vendor.example'
    const own = parseOwn({
      url: `${url}/take?key=INVENTED&filter=${filter}`,
      format: 'text',
      operations: {
        whitelistList: { url: `${url}/list?key=INVENTED`, separator: ',' },
        whitelistAdd: { url: `${url}/set?key=INVENTED`, query: { ips: '{ips}' } },
      },
    })
    return openSource(settingsOf({ vendor: 'generic', product: 'list', own }), { clock, http, inTurn })
  })
  await Promise.all([mine?.whitelist?.add('8.8.8.8', never), yours?.whitelist?.add('8.8.4.4', never)])
  expect(held).toBe('9.9.9.9,8.8.8.8,8.8.4.4')
  await Promise.all([mine?.whitelist?.remove?.('8.8.8.8', never), yours?.whitelist?.remove?.('9.9.9.9', never)])
  expect(held).toBe('8.8.4.4')
})
