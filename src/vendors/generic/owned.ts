/** Lists of addresses that an account already rents: read completely, page by page, and used until they end. */
import type { Life, ProxyRecord } from '../contract/delivery.ts'
import type { Product } from '../contract/vendor.ts'
import { namesOf } from './call.ts'
import { EXTRACT, maxPerCallOf } from './operations.ts'
import { readPages } from './pages.ts'
import type { ListReply } from './reply.ts'
import type { GenericOwn } from './settings.ts'

/** @param now ms since the epoch */
export function ownedList(
  own: GenericOwn,
  now: () => number,
  deliver: (data: unknown) => ListReply,
): Pick<Product, 'list' | 'take'> {
  const num = maxPerCallOf(own)
  return {
    list: true,
    take: async (_count, account) => {
      const pages = await readPages(
        async (numbers) => deliver(await account.call(EXTRACT, { num, ...numbers })),
        own.pages,
        namesOf(own),
        ({ sold }) => sold.map(nameOf).join(),
      )
      const all = new Map(pages.flatMap(({ sold }) => sold.map((one) => [nameOf(one), one] as const)))
      const sold = [...all.values()].map((one) => ({ ...one, life: termOf(one.life, now()) }))
      const { listed: _, next: __, ...first } = pages[0] ?? { listed: 0, rejected: [] }
      return { ...first, sold, rejected: pages.flatMap(({ rejected }) => rejected) }
    },
  }
}

const nameOf = ({ host, port, username = '' }: ProxyRecord): string => `${host}:${port}:${username}`

/** A rented address lives for months: otherwise such a distant time would count as a wrong clock. */
function termOf(life: Life, nowMs: number): Life {
  if (life.kind === 'until') return { kind: 'for', ms: life.wallMs - nowMs, isTerm: true }
  if (life.kind === 'for') return { ...life, isTerm: true }
  return { kind: 'endless' }
}
