/** The calls of an entry for the account: balance, release, whitelist. */
import { given } from '../../given.ts'
import type { Account, AccountFacts, Product, Vendor } from '../contract/vendor.ts'
import { figureAt } from './reply.ts'
import type { GenericOwn } from './settings.ts'

export function accountCalls({ operations: { balance, release, query } }: GenericOwn): Partial<Product> {
  return {
    ...(query === undefined ? {} : { query: 'query' }),
    ...(release === undefined ? {} : { release: { operation: 'release', params: (ref) => ({ ref }) } }),
    ...(balance === undefined ? {} : { accountNow: balanceNow, accountEveryMs: balance.every }),
  }
}

async function balanceNow(account: Account): Promise<AccountFacts> {
  return given({ balance: figureAt(await account.call('balance', {}), undefined) })
}

export function whitelistOf({ operations }: GenericOwn): Pick<Vendor, 'whitelist'> {
  const { whitelistAdd, whitelistRemove, whitelistEcho } = operations
  if (whitelistAdd === undefined) return {}
  return {
    whitelist: {
      add: async (ip, account) => void (await account.call('whitelistAdd', { ip })),
      ...(whitelistRemove === undefined
        ? {}
        : { remove: async (ip, account) => void (await account.call('whitelistRemove', { ip })) }),
      ...(whitelistEcho === undefined
        ? {}
        : { echo: async (account) => String((await account.call('whitelistEcho', {})) ?? '') }),
    },
  }
}
