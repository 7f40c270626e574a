/** The calls of an entry for the account: balance, release, whitelist. */
import type { Account, Delivered, Product, Vendor } from '../contract/vendor.ts'
import { EXTRACT } from './operations.ts'
import { figureAt } from './reply.ts'
import type { GenericOwn } from './settings.ts'

/** @param now ms since the epoch */
export function accountCalls(
  { operations: { balance, release, query } }: GenericOwn,
  now: () => number,
  deliver: (data: unknown) => Delivered,
): Partial<Product> {
  return {
    ...(query === undefined ? {} : { query: 'query' }),
    ...(release === undefined ? {} : { release: { operation: 'release', params: (ref) => ({ ref }) } }),
    ...(balance === undefined ? {} : { take: withBalance(balance.every, now, deliver) }),
  }
}

/** Orders are not delayed. From time to time the balance is requested in parallel, and reported with the next delivery. */
function withBalance(
  everyMs: number,
  now: () => number,
  deliver: (data: unknown) => Delivered,
): NonNullable<Product['take']> {
  let nextAt = Number.NEGATIVE_INFINITY
  let latest: number | undefined
  const ask = async (account: Account): Promise<void> => {
    nextAt = now() + everyMs
    // Nothing depends on it: after any failure it is requested again after the interval.
    latest = await account.call('balance', {}).then(
      (data) => figureAt(data, undefined) ?? latest,
      () => latest,
    )
  }
  return async (count, account) => {
    if (now() >= nextAt) void ask(account)
    const delivered = deliver(await account.call(EXTRACT, { num: count }))
    return latest === undefined || delivered.balance !== undefined ? delivered : { ...delivered, balance: latest }
  }
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
