/**
 * Writes docs/openapi.json, the description of the admin API for people and generators.
 * With `--check` it writes nothing and exits 1 when the file is not up to date.
 */
import { writeGenerated } from '../../config/generated-file.ts'
import { openApiDocument } from './openapi.ts'

const text = `${JSON.stringify(openApiDocument(), undefined, 2)}\n`
writeGenerated('docs/openapi.json', text, { folder: 'src/admin/api', command: 'npm run openapi' })
