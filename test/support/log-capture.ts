import type { Login } from './upstream-behaviour.ts'

/** Shorter secrets would be found by accident, and a search that cannot be trusted is worse than none. */
const SHORTEST_SECRET = 6

/** A pino destination (and a sink for a child's output) that keeps every line. */
export class LogCapture {
  readonly lines: string[] = []
  #rest = ''

  write(text: string | Buffer): void {
    const parts = (this.#rest + text.toString()).split('\n')
    this.#rest = parts.pop() ?? ''
    this.lines.push(...parts)
  }

  /** The lines that are JSON objects, parsed. */
  records(): Record<string, unknown>[] {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** The whole text, an unfinished last line included. */
  get text(): string {
    return [...this.lines, this.#rest].join('\n')
  }
}

/**
 * Searches every line for every secret: plain, JSON-escaped, URL-encoded, hex, and base64 at any offset (so inside
 * `user:password` of a Basic header too).
 * @param secrets passwords, keys, tokens; a login stands for its password and for the pair
 * @throws {Error} naming line, secret number and encoding, without the secret
 */
export function assertNoSecret(lines: readonly string[], secrets: readonly (string | Login)[]): void {
  const needles = secrets.flatMap((secret, index) => spellings(secret).map((spelling) => ({ ...spelling, index })))
  for (const [at, line] of lines.entries()) {
    const lower = line.toLowerCase()
    for (const { text, encoding, anyCase, index } of needles) {
      const found = anyCase ? lower.indexOf(text.toLowerCase()) : line.indexOf(text)
      if (found < 0) continue
      const context = `${line.slice(Math.max(0, found - 60), found)}<<HERE>>`
      throw new Error(`line ${at + 1} holds secret number ${index + 1} (${encoding}): ...${context}...`)
    }
  }
}

interface Spelling {
  readonly text: string
  readonly encoding: string
  readonly anyCase: boolean
}

function spellings(secret: string | Login): Spelling[] {
  if (typeof secret !== 'string')
    return [...spellings(secret.password), ...spellings(`${secret.username}:${secret.password}`)]
  const bytes = Buffer.from(secret)
  if (bytes.length < SHORTEST_SECRET)
    throw new Error(`a secret of ${bytes.length} bytes is too short to be searched for`)
  return [
    { text: secret, encoding: 'plain', anyCase: false },
    { text: JSON.stringify(secret).slice(1, -1), encoding: 'JSON', anyCase: false },
    { text: encodeURIComponent(secret), encoding: 'URL-encoded', anyCase: true },
    { text: new URLSearchParams([['', secret]]).toString().slice(1), encoding: 'form-encoded', anyCase: true },
    { text: bytes.toString('hex'), encoding: 'hex', anyCase: true },
    ...[0, 1, 2].flatMap((offset) => base64At(bytes, offset)),
  ]
}

/** The characters of base64 that depend on nothing but `bytes` when they start `offset` bytes into a group of three. */
function base64At(bytes: Buffer, offset: number): Spelling[] {
  const all = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  const text = all.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  const urlSafe = text.replaceAll('+', '-').replaceAll('/', '_')
  return [
    { text, encoding: 'base64', anyCase: false },
    { text: urlSafe, encoding: 'base64url', anyCase: false },
  ]
}
