/** The mistakes in an entry with a pasted link, before any call. No message contains a part of the link. */
import { Secret } from '../../secret.ts'
import type { EntryProblem } from '../contract/vendor.ts'
import { membersOf } from '../parse/reply.ts'
import { choiceOf } from './open.ts'
import { type LinkTables, readLink } from './reading.ts'

/** @param entry as written, valid or not; mistakes that the schema reports are not repeated */
export function linkProblems(entry: Readonly<Record<string, unknown>>, tables: LinkTables): readonly EntryProblem[] {
  const { url, product } = entry
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url)) return []
  const key = membersOf(entry['credentials'])?.['key']
  const choice = choiceOf(
    typeof product === 'string' ? product : undefined,
    typeof key === 'string' && key !== '' ? new Secret(key) : undefined,
  )
  const reading = readLink(new Secret(url), choice, tables)
  if (reading.kind === 'problem') return [{ path: [reading.at], message: reading.message }]
  return reading.kind === 'signed' ? signedProblems(entry, reading.count ?? 1) : []
}

const REMEDY = 'make a link for fewer, or add credentials: { key: ... }'

/** A link that cannot be changed delivers all of its addresses at once, or none. */
function signedProblems(entry: Readonly<Record<string, unknown>>, batchSize: number): EntryProblem[] {
  const isBelow = (limit: unknown) => typeof limit === 'number' && limit < batchSize
  const budget = membersOf(entry['budget']) ?? {}
  const budgets = ['perHour', 'perDay', 'total'].filter((name) => isBelow(budget[name]))
  const problems: EntryProblem[] = budgets.map((name) => ({
    path: ['budget', name],
    message: `this signed link brings ${batchSize} addresses a call, more than may be bought; ${REMEDY}`,
  }))
  if (isBelow(entry['ceiling']))
    problems.push({ path: ['ceiling'], message: `this signed link brings ${batchSize} addresses a call; ${REMEDY}` })
  const { whitelist = 'off' } = entry
  if (whitelist !== 'off')
    problems.push({
      path: ['whitelist'],
      message: 'a signed link cannot register an address; add credentials: { key: ... }',
    })
  return problems
}
