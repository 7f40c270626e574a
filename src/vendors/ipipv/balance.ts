/** What is left on an account: of a static product the app's money, of a dynamic one its traffic in MB. */
import { given } from '../../given.ts'
import type { ParamValue } from '../contract/operation.ts'
import type { Account, AccountFacts } from '../contract/vendor.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { listOf } from './draw.ts'

export async function moneyLeft({ call }: Account): Promise<AccountFacts> {
  return given({ balance: figure(membersOf(await call('info', {}))?.['coin']) })
}

/** From `{list: [{productNo, balance}]}`; products that are sold by address count addresses. @param appUsername whose traffic */
export async function trafficLeft(
  { request, call }: Account,
  appUsername: ParamValue | undefined,
): Promise<AccountFacts> {
  const { productNo, proxyType = 104 } = request
  if (appUsername === undefined || productNo === undefined) return {}
  const entries = listOf(await call('proxy/info', { appUsername, proxyType, productNo })).map(membersOf)
  const entry = entries.find((members) => textOf(members?.['productNo']) === String(productNo)) ?? entries[0]
  const [balance, total, used] = [entry?.['balance'], entry?.['ipTotal'], entry?.['ipUsed']].map(figure)
  const isByAddress = total !== undefined && used !== undefined && total > 0 && !(Number(balance) > 0)
  return given({ balance: isByAddress ? total - used : balance })
}

function figure(value: unknown): number | undefined {
  const number = Number(textOf(value) ?? Number.NaN)
  return Number.isFinite(number) ? number : undefined
}
