/** Files of hosts for `routes[].hosts`: one host per line; `#` begins a comment. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { HostPattern } from '../routes/rule.ts'
import { type Finding, valueAt } from './explain.ts'
import { readHostLine } from './routes-schema.ts'

/** 100,000 names are about 2 MB. */
const MAX_LIST_BYTES = 64 * 1_048_576
/** A file of another kind would cause a message for every line. */
const MAX_PROBLEMS = 3

export interface HostLists {
  /** By the index of the rule. */
  readonly lists: ReadonlyMap<number, readonly HostPattern[]>
  readonly problems: readonly Finding[]
}

/**
 * Reads the host file of every rule that names one.
 * @param raw the configuration as plain values, valid or not
 * @param folder the base of relative paths
 */
export function readHostLists(raw: unknown, folder: string): HostLists {
  const lists = new Map<number, readonly HostPattern[]>()
  const problems: Finding[] = []
  const rules = valueAt(raw, ['routes'])
  for (const [number, rule] of Array.isArray(rules) ? rules.entries() : []) {
    const file = valueAt(rule, ['hosts'])
    if (typeof file !== 'string' || file === '') continue
    const list = readHostList(resolve(folder, file))
    const path = ['routes', number, 'hosts']
    if ('hosts' in list) lists.set(number, list.hosts)
    else problems.push(...list.problems.map((message) => ({ path, message, at: 'value' as const })))
  }
  return { lists, problems }
}

type HostList = { readonly hosts: readonly HostPattern[] } | { readonly problems: readonly string[] }

/** A problem has the line in the list. */
function readHostList(file: string): HostList {
  let text: string
  try {
    const bytes = readFileSync(file)
    if (bytes.length > MAX_LIST_BYTES) return { problems: ['the list is larger than 64 MiB'] }
    text = bytes.toString('utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') return { problems: [`the list cannot be read (${code})`] }
    return { problems: ['there is no such file (paths are relative to the configuration)'] }
  }
  const hosts: HostPattern[] = []
  const problems: string[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const written = line.replace(/#.*/, '').trim()
    if (written === '') continue
    const host = readHostLine(written)
    if (host !== undefined) hosts.push(host)
    else if (problems.length < MAX_PROBLEMS) problems.push(`line ${index + 1} of the list is no host, address or block`)
  }
  return problems.length > 0 ? { problems } : { hosts }
}
