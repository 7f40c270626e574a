/** Checks that concern several keys of a gateway's entry. Reads the entry as written, valid or not. */
import { VendorError } from '../contract/error.ts'
import type { EntryProblem } from '../contract/vendor.ts'
import { checkCall } from '../parse/check-call.ts'
import { membersOf } from '../parse/reply.ts'
import { namesIn, unknownPlaceholder } from '../parse/template.ts'
import { requestFields } from './headers.ts'
import { PLACE, parseGateway } from './settings.ts'

export function checkGateway(entry: Readonly<Record<string, unknown>>): readonly EntryProblem[] {
  const { username, password, credentials, port, rotates, protocol, headers, sign, upstream } = entry
  const places = Array.isArray(entry['places']) ? entry['places'].map(membersOf) : []
  const known = [...Object.keys(membersOf(credentials) ?? {}), 'session', 'minutes', 'seconds', ...PLACE]
  const templates = { username, password }
  const used = namesIn(JSON.stringify([username, password, headers, sign]))
  const problems: EntryProblem[] = Object.entries(templates).flatMap(([key, text]) => {
    const message = typeof text === 'string' ? unknownPlaceholder(text, known) : undefined
    return message === undefined ? [] : [{ path: [key], message }]
  })
  problems.push(...checkCall({ headers, sign }, [], known, []))
  if ((username === undefined) !== (password === undefined))
    problems.push({ path: ['username'], message: 'username and password go together' })
  const fields = Object.keys(membersOf(headers) ?? {})
  const login = fields.find((name) => name.toLowerCase() === 'proxy-authorization')
  if (login !== undefined && (username ?? membersOf(upstream)?.['username']) !== undefined)
    problems.push({ path: ['headers', login], message: 'write either username or Proxy-Authorization' })
  if (fields.length > 0 && [protocol, membersOf(upstream)?.['protocol']].includes('socks5'))
    problems.push({ path: ['headers'], message: 'needs protocol http or https' })
  const isRange = (written: unknown) => typeof written === 'string' && written.includes('-')
  const hasPorts = isRange(port) || (places.length > 0 && places.every((place) => isRange(place?.['port'])))
  if (!used.includes('session') && !hasPorts && rotates !== true)
    problems.push({ path: ['username'], message: 'needs {session}, here or in password or headers, or rotates: true' })
  for (const name of PLACE.filter((one) => used.includes(one))) {
    if (places.length === 0) problems.push({ path: ['username'], message: `needs places, which tell {${name}}` })
    for (const [i, place] of places.entries())
      if (place !== undefined && place[name] === undefined)
        problems.push({ path: ['places', i], message: `needs ${name}: username, password or headers fill it in` })
  }
  return problems.length > 0 ? problems : checkFields(entry)
}

/** A key in another encoding, or a line break of a text that is signed without a hash: without this, each connection would fail. */
function checkFields(entry: Readonly<Record<string, unknown>>): EntryProblem[] {
  try {
    const fields = Object.entries(requestFields(parseGateway(entry))?.({}, 0) ?? {})
    const broken = fields.filter(([, value]) => /[^\t\x20-\x7e\x80-\uffff]/.test(value))
    const message = 'holds a line break or another control character'
    return broken.map(([name]) => ({ path: ['headers', name], message }))
  } catch (error) {
    // What else is wrong with the entry is found by its schema.
    return error instanceof VendorError ? [{ path: ['sign'], message: error.message }] : []
  }
}
