/** Header fields for the gateway's host, made anew for each request: a session, or a login that is signed with the time. */
import { randomUUID } from 'node:crypto'
import { given } from '../../given.ts'
import type { ProxyRecord } from '../contract/delivery.ts'
import { sign } from '../parse/sign.ts'
import { builtIn, fill } from '../parse/template.ts'
import { type GatewayOwn, type PLACE, valuesOf } from './settings.ts'

/** How far China's time is ahead of UTC. */
const AHEAD_MS = 8 * 3_600_000

/**
 * @param entry as the configuration parsed it
 * @returns undefined where it has none; else a function of the session and of the time, ms since the epoch
 */
export function requestFields(entry: unknown) {
  const { headers = {}, sign: steps = [], ...own } = entry as GatewayOwn
  const templates = Object.entries(headers)
  if (templates.length === 0) return undefined
  const fixed = valuesOf(own)
  return (
    { ref: session = '', country, area, city, isp }: Pick<ProxyRecord, 'ref' | (typeof PLACE)[number]>,
    wallMs: number,
  ) => {
    const place = given({ country, area, city, isp })
    const values = { ...fixed, ...place, session, ...builtIn(wallMs, AHEAD_MS, randomUUID()) }
    const all = { ...values, ...sign(steps, [], values) }
    return Object.fromEntries(templates.map(([name, value]) => [name, fill(value.reveal(), all)]))
  }
}
