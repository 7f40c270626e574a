/**
 * Writes config/gateway.schema.json, which editors read through the first line of gateway.yaml.
 * With `--check` it writes nothing and exits 1 when the file is not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import * as vendors from '../vendors/registry.ts'
import { buildSchema } from './schema.ts'

/** The JSON Schema (draft-07) of a configuration file, with a line feed at its end. */
export function schemaText(): string {
  const schema = z.toJSONSchema(buildSchema(vendors), {
    target: 'draft-7',
    io: 'input',
    // zod drops the examples of a transformed field, because they could be examples of its output; ours are always of the input.
    override({ zodSchema, jsonSchema }) {
      const { examples } = z.globalRegistry.get(zodSchema) ?? {}
      if (Array.isArray(examples)) jsonSchema.examples = examples
    },
  })
  return `${JSON.stringify(schema, undefined, 2)}\n`
}

if (import.meta.main) {
  const file = new URL('../../config/gateway.schema.json', import.meta.url)
  const text = schemaText()
  if (!process.argv.includes('--check')) writeFileSync(file, text)
  else if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write(
      'config/gateway.schema.json is not what src/config says: run "npm run schema" and commit the result\n',
    )
    process.exitCode = 1
  }
}
