/** Checks that concern several keys of a gateway's entry. Reads the entry as written, valid or not. */
import type { EntryProblem } from '../contract/vendor.ts'
import { membersOf } from '../parse/reply.ts'
import { namesIn, unknownPlaceholder } from '../parse/template.ts'

const PLACE = ['country', 'area', 'city', 'isp'] as const

export function checkGateway(entry: Readonly<Record<string, unknown>>): readonly EntryProblem[] {
  const { username, password, credentials, port, rotates } = entry
  const places = Array.isArray(entry['places']) ? entry['places'].map(membersOf) : []
  const known = [...Object.keys(membersOf(credentials) ?? {}), 'session', 'minutes', 'seconds', ...PLACE]
  const templates = { username, password }
  const used = Object.values(templates).flatMap((text) => (typeof text === 'string' ? namesIn(text) : []))
  const problems: EntryProblem[] = Object.entries(templates).flatMap(([key, text]) => {
    const message = typeof text === 'string' ? unknownPlaceholder(text, known) : undefined
    return message === undefined ? [] : [{ path: [key], message }]
  })
  const isRange = (written: unknown) => typeof written === 'string' && written.includes('-')
  const hasPorts = isRange(port) || (places.length > 0 && places.every((place) => isRange(place?.['port'])))
  if (!used.includes('session') && !hasPorts && rotates !== true)
    problems.push({ path: ['username'], message: 'needs {session}, here or in password, or rotates: true' })
  for (const name of PLACE.filter((one) => used.includes(one))) {
    if (places.length === 0) problems.push({ path: ['username'], message: `needs places, which tell {${name}}` })
    for (const [i, place] of places.entries())
      if (place !== undefined && place[name] === undefined)
        problems.push({ path: ['places', i], message: `needs ${name}: username or password fills it in` })
  }
  return problems
}
