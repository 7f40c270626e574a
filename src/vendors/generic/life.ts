/** The life of an address or token: until a time, for a duration, or for a duration since a time. */
import type { Life } from '../contract/delivery.ts'
import { formattedTime, parseZone, readDay, readTime } from '../parse/time.ts'
import { readSelector, type Selector } from './select.ts'

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
type Unit = keyof typeof UNIT_MS

/** Units that vendors write after a number. */
const UNITS: ReadonlyMap<string, Unit> = new Map([
  ...(['ms', '毫秒'] as const).map((word) => [word, 'ms'] as const),
  ...(['s', 'sec', 'secs', 'second', 'seconds', '秒'] as const).map((word) => [word, 's'] as const),
  ...(['m', 'min', 'mins', 'minute', 'minutes', '分', '分钟'] as const).map((word) => [word, 'm'] as const),
  ...(['h', 'hour', 'hours', '时', '小时'] as const).map((word) => [word, 'h'] as const),
  ...(['d', 'day', 'days', '天', '日'] as const).map((word) => [word, 'd'] as const),
])

/** Keys with the place of a life; `start` without `ttl` has no meaning. */
export interface LifeSettings {
  readonly deadline?: Moment | undefined
  readonly ttl?: { readonly field: string | number; readonly unit: Unit } | undefined
  readonly start?: Moment | undefined
}

interface Moment {
  readonly field: string | number
  readonly zone: string
  readonly format?: string | undefined
}

/** A fact of the item; undefined when the item does not have it. */
export type Tell = (selector: Selector | undefined) => string | undefined

/** @param isRented rents may end at a date without a time. An unreadable life is unknown: the address is paid for, and the provider's `ttl` is used. */
export function lifeReader({ deadline, ttl, start }: LifeSettings, isRented = false): (tell: Tell) => Life {
  const read = isRented ? readDay : readTime
  const [until, since] = [timeReader(deadline, read), timeReader(start, read)]
  if (ttl === undefined) {
    return (tell) => {
      const wallMs = until(tell)
      return wallMs === undefined ? { kind: 'unknown' } : { kind: 'until', wallMs }
    }
  }
  const place = readSelector(ttl.field)
  return (tell) => {
    const ms = lengthOf(tell(place) ?? '', ttl.unit)
    if (ms === undefined) return { kind: 'unknown' }
    const startMs = since(tell)
    return startMs === undefined ? { kind: 'for', ms } : { kind: 'until', wallMs: startMs + ms }
  }
}

function timeReader(moment: LifeSettings['deadline'], read: typeof readTime): (tell: Tell) => number | undefined {
  const zone = moment === undefined ? undefined : parseZone(moment.zone)
  if (moment === undefined || zone === undefined) return () => undefined
  const place = readSelector(moment.field)
  const readText = (moment.format === undefined ? undefined : formattedTime(moment.format)) ?? read
  return (tell) => readText(tell(place) ?? '', zone)
}

/** `173`, `2.5`, `3分钟`, `10 min`: ms; below 0 for a life that has ended; undefined for other texts. A unit in the text has priority. */
function lengthOf(text: string, unit: Unit): number | undefined {
  const [, figure, word = ''] = /^(-?\d{1,12}(?:\.\d{1,20})?) ?(\p{L}{0,8})$/u.exec(text) ?? []
  const counted = word === '' ? unit : UNITS.get(word.toLowerCase())
  return figure === undefined || counted === undefined ? undefined : Math.floor(Number(figure) * UNIT_MS[counted])
}
