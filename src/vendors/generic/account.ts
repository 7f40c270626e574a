/** The calls of an entry for the account: balance, release. */
import { given } from '../../given.ts'
import type { Account, AccountFacts, Product } from '../contract/vendor.ts'
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
