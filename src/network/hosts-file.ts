/** The hosts file of this machine (/etc/hosts), which a DNS query does not consult. */
import type { LookupAddress } from 'node:dns'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'

/** The file is checked at this interval, and read again only when it has changed. */
const CHECK_MS = 10_000

type Table = ReadonlyMap<string, readonly LookupAddress[]>

export class HostsFile {
  readonly #clock: Clock
  readonly #path: string
  #table: Table = new Map()
  #checkedAt = Number.NEGATIVE_INFINITY
  #version = ''

  constructor(clock: Clock, path: string = systemPath()) {
    this.#clock = clock
    this.#path = path
  }

  /** @returns the addresses of a name in the order of the file; undefined when the name is not in the file */
  find(name: string): readonly LookupAddress[] | undefined {
    return this.#current().get(name.toLowerCase().replace(/\.$/, ''))
  }

  #current(): Table {
    const now = this.#clock.now()
    if (now - this.#checkedAt < CHECK_MS) return this.#table
    this.#checkedAt = now
    try {
      const { mtimeMs, size } = statSync(this.#path)
      const version = `${mtimeMs} ${size}`
      if (version !== this.#version) this.#table = parseHosts(readFileSync(this.#path, 'utf8'))
      this.#version = version
    } catch {
      // No such file, or no free descriptor: the last contents stay.
    }
    return this.#table
  }
}

function systemPath(): string {
  if (process.platform !== 'win32') return '/etc/hosts'
  return join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
}

/** hosts(5): an address, then its names, separated by blanks; `#` begins a comment. */
export function parseHosts(text: string): Table {
  const table = new Map<string, LookupAddress[]>()
  for (const line of text.split(/\r?\n/)) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const family = isIP(address)
    if (family === 0) continue
    for (const name of names) {
      const lower = name.toLowerCase()
      const known = table.get(lower) ?? []
      table.set(lower, [...known, { address, family }])
    }
  }
  return table
}
