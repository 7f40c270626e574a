/** The two formats in which the demo vendor writes a time of day. Both have a resolution of one second. */

const parts = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
} as const
// Qg's deadlines have no zone and mean +08:00; the demo vendor copies that, so that the gateway's conversion is exercised.
const inChina = new Intl.DateTimeFormat('en-US', { ...parts, timeZone: '+08:00', hourCycle: 'h23' })
const inGreenwich = new Intl.DateTimeFormat('en-US', {
  ...parts,
  month: 'short',
  weekday: 'short',
  timeZone: 'UTC',
  hourCycle: 'h23',
})

/** @param wallMs ms since the epoch; @returns `YYYY-MM-DD HH:MM:SS` in +08:00, rounded down */
export function deadlineText(wallMs: number): string {
  const at = fieldsOf(inChina, wallMs)
  return `${at('year')}-${at('month')}-${at('day')} ${at('hour')}:${at('minute')}:${at('second')}`
}

/** @param wallMs ms since the epoch; @returns the value of a `Date` header (RFC 9110 section 5.6.7), rounded down */
export function dateHeader(wallMs: number): string {
  const at = fieldsOf(inGreenwich, wallMs)
  return `${at('weekday')}, ${at('day')} ${at('month')} ${at('year')} ${at('hour')}:${at('minute')}:${at('second')} GMT`
}

function fieldsOf(format: Intl.DateTimeFormat, wallMs: number): (type: Intl.DateTimeFormatPartTypes) => string {
  const found = new Map(format.formatToParts(wallMs).map((part) => [part.type, part.value]))
  return (type) => found.get(type) ?? ''
}
