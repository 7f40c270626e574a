import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('no file imports node:http but for its types: the import alone takes 3 to 7 MB (src/node/http.ts)', () => {
  const files = globSync('src/**/*.ts', { cwd: new URL('../../..', import.meta.url) })
  const importing = files.filter((file) =>
    /^import (?!type\b)(\{[^}]*\}|[^'\n{]*(\{[^}]*\})?) ?from 'node:http'/m.test(
      readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'),
    ),
  )
  expect(files.length).toBeGreaterThan(100)
  expect(importing).toEqual([])
})
