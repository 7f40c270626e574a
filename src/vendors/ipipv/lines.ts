/** The lines of an order, as `instance/open` takes them (ipipv-open-api.txt, 开通代理). */
import { given } from '../../given.ts'
import type { Purchase } from './settings.ts'

export function linesOf(count: number, productNo: string, terms: Purchase): readonly object[] {
  const { cycleTimes, useBridge, extBandWidth, projectId, renew, cidrBlocks = [] } = terms
  const blocks = blocksOf(count, cidrBlocks)
  const more = given({ extBandWidth, projectId, renew, cidrBlocks: blocks.length === 0 ? undefined : blocks })
  return [{ productNo, count, cycleTimes, useBridge, ...more }]
}

/** In the written order, of each as many as the order has room for. */
function blocksOf(count: number, written: NonNullable<Purchase['cidrBlocks']>): { cidr: string; count: number }[] {
  let left = count
  return written.flatMap(({ cidr, count: most = count }) => {
    const taken = Math.min(left, most)
    left -= taken
    return taken === 0 ? [] : { cidr, count: taken }
  })
}
