import { readFileSync } from 'node:fs'

/** Of package.json, which lies two folders up, from src/cli as from dist/cli. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
