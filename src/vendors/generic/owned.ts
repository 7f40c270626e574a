/** Lists of addresses that an account already rents: read completely, page by page, and used until they end. */
import type { Life, ProxyRecord } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { Delivered, Product } from '../contract/vendor.ts'
import { EXTRACT, maxPerCallOf, usesPage } from './operations.ts'
import type { ListReply } from './reply.ts'
import type { GenericOwn } from './settings.ts'

/** The end of a list without a last page. */
const MAX_PAGES = 100

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
      const { first, next } = own.pages
      const read: ReadPage = async (index, cursor) =>
        deliver(await account.call(EXTRACT, { num, page: first + index, offset: index * num, cursor }))
      const byName = next !== undefined
      const delivered = byName ? await named(read) : usesPage(own) ? await numbered(read) : await read(0, '')
      return { ...delivered, sold: delivered.sold.map((one) => ({ ...one, life: termOf(one.life, now()) })) }
    },
  }
}

/** @param index of the page, from 0 @param cursor its name */
type ReadPage = (index: number, cursor: string) => Promise<ListReply>

/** Until a page names no other, or one that was read already, or the vendor has nothing for a name. */
async function named(read: ReadPage): Promise<Delivered> {
  const { listed: _, next, ...first } = await read(0, '')
  const all = new Map(first.sold.map((one) => [nameOf(one), one]))
  const rejected = [...first.rejected]
  const seen = new Set<string>()
  for (let index = 1, cursor = next; cursor !== undefined && !seen.has(cursor) && index < MAX_PAGES; index++) {
    seen.add(cursor)
    const page = await read(index, cursor).catch(emptyPage)
    for (const one of page.sold) all.set(nameOf(one), one)
    rejected.push(...page.rejected)
    cursor = page.next
  }
  return { ...first, sold: [...all.values()], rejected }
}

/** Until a page is shorter than the first, equals the first one, or is empty. */
async function numbered(read: ReadPage): Promise<Delivered> {
  const { listed: size, ...first } = await read(0, '')
  const all = new Map(first.sold.map((one) => [nameOf(one), one]))
  const rejected = [...first.rejected]
  for (let index = 1; index < MAX_PAGES && size > 0; index++) {
    const next = await read(index, '').catch(emptyPage)
    for (const one of next.sold) all.set(nameOf(one), one)
    rejected.push(...next.rejected)
    // A vendor without pages returns the first one again.
    if (next.listed < size || isSame(next, first)) break
  }
  return { ...first, sold: [...all.values()], rejected }
}

/** Some vendors answer a page behind the last one with an error. @throws any other error */
function emptyPage(error: unknown): ListReply {
  if (error instanceof VendorError && error.class === 'no_resource') return { sold: [], rejected: [], listed: 0 }
  throw error
}

const isSame = (a: Delivered, b: Delivered): boolean =>
  a.sold.map(nameOf).join() === b.sold.map(nameOf).join() && a.sold.length > 0
const nameOf = ({ host, port, username = '' }: ProxyRecord): string => `${host}:${port}:${username}`

/** A rented address lives for months: otherwise such a distant time would count as a wrong clock. */
function termOf(life: Life, nowMs: number): Life {
  if (life.kind === 'until') return { kind: 'for', ms: life.wallMs - nowMs, isTerm: true }
  if (life.kind === 'for') return { ...life, isTerm: true }
  return { kind: 'endless' }
}
