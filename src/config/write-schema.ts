/**
 * Writes config/gateway.schema.json, which editors read through the first line of gateway.yaml.
 * With `--check` it writes nothing and exits 1 when the file is not up to date.
 */
import { z } from 'zod'
import * as vendors from '../vendors/registry.ts'
import { writeGenerated } from './generated-file.ts'
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

if (import.meta.main)
  writeGenerated('config/gateway.schema.json', schemaText(), { folder: 'src/config', command: 'npm run schema' })
