/** Files that a configuration names and that are read with it: lists of hosts, CA certificates. */
import { dirname, resolve } from 'node:path'
import { valueAt } from './explain.ts'
import { plainValue, readYamlText } from './yaml-text.ts'

/** The keys that name a file, below each entry of a list. */
const PLACES = [
  { list: 'routes', path: ['hosts'] },
  { list: 'providers', path: ['upstream', 'tls', 'ca'] },
]

/** @param text of the configuration @param file its own path @returns absolute paths; paths with `${NAME}` are left out */
export function referencedFiles(text: string, file: string): string[] {
  const yaml = readYamlText(text)
  const plain = plainValue(yaml, text)
  if (!('value' in plain)) return []
  return PLACES.flatMap(({ list, path }) => {
    const entries = valueAt(plain.value, [list])
    const named = Array.isArray(entries) ? entries.map((entry) => valueAt(entry, path)) : []
    return named.filter((name) => typeof name === 'string').map((name) => resolve(dirname(file), name))
  })
}
