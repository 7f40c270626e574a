/** Lists that a vendor hands out in pages: counted, or each named by the one before. */
import { VendorError } from '../contract/error.ts'

/** The end of a list without a last page. */
export const MAX_PAGES = 100

export interface Page {
  /** Number of entries, including those that are left out. */
  readonly listed: number
  /** What the next page is called, if the reply tells. */
  readonly next?: string | undefined
}

/** The values of a call for one page. */
export interface PageNumbers {
  readonly page: number
  /** Number of entries on all earlier pages. */
  readonly offset: number
  /** Empty for the first page, and where pages are counted. */
  readonly cursor: string
}

/** The key `pages` of an entry. */
export interface Paging {
  readonly first: number
  readonly next?: string | undefined
}

/**
 * @param names that the call fills in
 * @param identityOf the entries of a page: some vendors return an earlier page again in place of one that they do not have
 */
export async function readPages<P extends Page>(
  read: (numbers: PageNumbers) => Promise<P>,
  { first: firstNumber, next: nextPath }: Paging,
  names: readonly string[],
  identityOf: (page: P) => string,
): Promise<readonly P[]> {
  const isCounted = nextPath === undefined && names.some((name) => name === 'page' || name === 'offset')
  const first = await read({ page: firstNumber, offset: 0, cursor: '' })
  const pages = [first]
  const seen = new Set(['', identityOf(first)])
  let offset = first.listed
  let cursor = isCounted && first.listed > 0 ? '' : first.next
  while (cursor !== undefined && (isCounted || !seen.has(cursor)) && pages.length < MAX_PAGES) {
    seen.add(cursor)
    const page = await read({ page: firstNumber + pages.length, offset, cursor }).catch(nothing)
    if (page === undefined) break
    pages.push(page)
    offset += page.listed
    cursor = page.next
    if (!isCounted) continue
    const identity = identityOf(page)
    const isLast = page.listed < first.listed || (identity !== '' && seen.has(identity))
    cursor = isLast ? undefined : ''
    seen.add(identity)
  }
  return pages
}

/** Some vendors answer a page after the last one with an error. @throws any other error */
function nothing(error: unknown): undefined {
  if (error instanceof VendorError && error.class === 'no_resource') return undefined
  throw error
}
