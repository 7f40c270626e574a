import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../../..', import.meta.url)
const textOf = (file: string) => readFileSync(new URL(file, root), 'utf8')
const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => textOf(file))

/** What stands between `class Name` and the next class of its file, for each class or interface of this name. */
function bodyOf(name: string): string {
  const start = new RegExp(`^(?:export )?(?:abstract )?(?:class|interface) ${name}\\b`, 'm')
  const bodies = sources.filter((text) => start.test(text)).map((text) => text.slice(text.search(start)))
  return bodies.map((body) => body.split(/\n(?:export )?(?:abstract )?class /)[0] ?? '').join('\n')
}

it('docs/architecture.md names no method that there is not', () => {
  const named = new Set(textOf('docs/architecture.md').match(/`[A-Z]\w+\.[a-z]\w+`/g))
  const missing = [...named].filter((name) => {
    const [owner = '', method = ''] = name.slice(1, -1).split('.')
    const own = bodyOf(owner)
    const base = /extends (\w+)/.exec(own)?.[1]
    const declared = new RegExp(`(?:^|[\\s#])${method}(?:[(<:?]| = \\()`)
    return !declared.test(own) && !(base !== undefined && declared.test(bodyOf(base)))
  })
  expect(named.size).toBeGreaterThan(30)
  expect(missing).toEqual([])
})
