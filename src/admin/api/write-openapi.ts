/**
 * Writes docs/openapi.json, the description of the admin API for people and generators.
 * With `--check` it writes nothing and exits 1 when the file is not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { openApiDocument } from './openapi.ts'

const file = new URL('../../../docs/openapi.json', import.meta.url)
const text = `${JSON.stringify(openApiDocument(), undefined, 2)}\n`
if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(
    'docs/openapi.json is not what src/admin/api says: run "npm run openapi" and commit the result\n',
  )
  process.exitCode = 1
}
