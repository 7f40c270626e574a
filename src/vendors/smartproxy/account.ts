/** The balance of an account of the app_key OpenAPI, and the end of its packages. */
import { given } from '../../given.ts'
import type { Account, AccountFacts } from '../contract/vendor.ts'
import { countOf, membersOf, textOf } from '../parse/reply.ts'
import { chinaTime } from '../parse/time.ts'
import { listOf } from './items.ts'

const KIB_PER_MIB = 1_024
const MIB_PER_GIB = 1_024

/**
 * @param types the package types (product_type) of the product
 * @returns `balance` in MB: the remaining traffic of the enabled proxy accounts with a limit; `endsAt`: the end of the package that
 *   ends last. The zone is not documented; the platform is Chinese
 */
export function accountNowOf(types: readonly number[]) {
  const isOurs = (members: Readonly<Record<string, unknown>> | undefined) =>
    types.includes(countOf(members?.['product_type']) ?? 0)
  return async (account: Account): Promise<AccountFacts> => {
    const packages = listOf(await account.call('user-product/list', { page: 1, size: 100 }))
    const ends = packages.map(membersOf).flatMap((members) => {
      const end = isOurs(members) ? chinaTime(textOf(members?.['expired_at']) ?? '') : undefined
      return end === undefined ? [] : [end]
    })
    const users = listOf(await account.call('whitelist-account/list', {}))
    const left = users.map(membersOf).flatMap((members) => (isOurs(members) ? trafficLeft(members) : []))
    return given({
      endsAt: ends.length === 0 ? undefined : Math.max(...ends),
      balance: left.length === 0 ? undefined : left.reduce((sum, each) => sum + each, 0),
    })
  }
}

/** usage_flow is in KB, limit_flow in GB; 0 means no limit. */
function trafficLeft(members: Readonly<Record<string, unknown>> | undefined): number[] {
  const [used = 0, limit = 0] = [countOf(members?.['usage_flow']), countOf(members?.['limit_flow'])]
  if (limit === 0 || textOf(members?.['status']) === '0') return []
  return [Math.max(0, Math.round(limit * MIB_PER_GIB - used / KIB_PER_MIB))]
}
