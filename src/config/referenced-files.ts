/** Files that a configuration names. */
import { dirname, resolve } from 'node:path'
import { valueAt } from './explain.ts'
import { plainValue, readYamlText } from './yaml-text.ts'

/** The keys that name a file which is read with the configuration, below each entry of a list. */
const READ = [
  { list: 'routes', path: ['hosts'] },
  { list: 'providers', path: ['upstream', 'tls', 'ca'] },
]
/** Those of files that must be there, and are read by their users. */
const CHECKED = [
  { list: 'providers', path: ['file'] },
  { list: 'listen', path: ['tls', 'cert'] },
  { list: 'listen', path: ['tls', 'key'] },
]

/**
 * Lists of hosts, CA certificates.
 * @param text of the configuration @param file its own path @param isRefused all whose mistakes may be the reason
 * @returns absolute paths; paths with `${NAME}` are left out
 */
export function referencedFiles(text: string, file: string, isRefused = false): string[] {
  const yaml = readYamlText(text)
  const plain = plainValue(yaml, text)
  if (!('value' in plain)) return []
  return (isRefused ? [...READ, ...CHECKED] : READ).flatMap(({ list, path }) => {
    const entries = valueAt(plain.value, [list])
    const named = Array.isArray(entries) ? entries.map((entry) => valueAt(entry, path)) : []
    return named.filter((name) => typeof name === 'string').map((name) => resolve(dirname(file), name))
  })
}
