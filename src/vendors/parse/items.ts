/** Converts the items of a reply to addresses. */
import { Secret } from '../../secret.ts'
import type { Life, Pending, ProxyRecord } from '../contract/delivery.ts'
import type { Delivered } from '../contract/vendor.ts'
import { chinaTime } from './time.ts'

/** A password as in a reply. */
export function secretOf(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text)
}

/** @param read returns the address, a placeholder for one that arrives later, or why there is neither */
export function deliverEach(
  items: readonly unknown[],
  read: (item: unknown) => ProxyRecord | Pending | string,
): Delivered {
  const sold: ProxyRecord[] = []
  const pending: Pending[] = []
  const rejected: string[] = []
  for (const item of items) {
    const one = read(item)
    if (typeof one === 'string') rejected.push(one)
    else if ('host' in one) sold.push(one)
    else pending.push(one)
  }
  return { sold, rejected, ...(pending.length === 0 ? {} : { pending }) }
}

/** A deadline in China's time zone; unknown when there is none. */
export function lifeUntil(deadline: string | undefined): Life {
  const wallMs = deadline === undefined ? undefined : chinaTime(deadline)
  return wallMs === undefined ? { kind: 'unknown' } : { kind: 'until', wallMs }
}
