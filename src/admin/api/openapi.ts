/** The OpenAPI 3.1 document of the admin API, from the table of operations and their schemas. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { operations } from './operations.ts'
import { type ProblemCode, problems } from './problem.ts'
import { components } from './schemas/fields.ts'
import { problemReport } from './schemas/gateway.ts'

type JsonObject = Record<string, unknown>

/** Failures that follow from the kind of operation. */
const GENERAL: readonly ProblemCode[] = ['ADMIN_CROSS_SITE', 'ADMIN_WRONG_HOST', 'ADMIN_INTERNAL']
/** The security requirement of an operation in OpenAPI. */
const SECURITY = {
  open: [],
  read: [{}, { token: [] }],
  change: [{ token: [] }],
  client: [{}, { user: [] }],
} as const
const TOKEN: readonly ProblemCode[] = ['ADMIN_TOKEN_REQUIRED', 'ADMIN_TOKEN_WRONG']
const BODY: readonly ProblemCode[] = ['ADMIN_BAD_REQUEST', 'ADMIN_BODY_TOO_LARGE']

/** @param version of Turnpike; left out in the committed file, which would change with every release */
export function openApiDocument(version = '1'): JsonObject {
  const { schemas } = z.toJSONSchema(components, { uri: reference, io: 'input', unrepresentable: 'any', override })
  const paths: Record<string, JsonObject> = {}
  for (const [operationId, operation] of Object.entries<Operation>(operations)) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operationId, operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Turnpike admin API',
      version,
      description: 'Reports and actions of a running gateway. Reports hold no password, key or token.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://127.0.0.1:8081' }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)])),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'admin.token, or the content of admin-token in the state folder',
        },
        user: {
          type: 'http',
          scheme: 'basic',
          description: 'A user of a port for clients; options may follow the name, as at the port',
        },
      },
    },
  }
}

const reference = (id: string) => `#/components/schemas/${id}`

/** Clients must accept members that a later version adds to a report, so reports are open in the document. */
function override({ jsonSchema }: { jsonSchema: JsonObject }): void {
  if (jsonSchema['additionalProperties'] === false) delete jsonSchema['additionalProperties']
  // The range of JavaScript's integers is not part of the API.
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum']
}

function withoutIds({ $id: _id, $schema: _schema, ...schema }: JsonObject): JsonObject {
  return schema
}

function describe(operationId: string, operation: Operation): JsonObject {
  const parameters = [...pathParameters(operation), ...queryParameters(operation)]
  return {
    operationId,
    summary: operation.summary,
    security: SECURITY[operation.access],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.body === undefined ? {} : { requestBody: requestBody(operation.body) }),
    responses: { ...successes(operation), ...failures(operation) },
  }
}

/** A body whose members may all be left out may be left out itself. */
function requestBody(body: z.ZodType): JsonObject {
  const required = !body.safeParse({}).success
  return { required, content: { 'application/json': { schema: refTo(body) } } }
}

function pathParameters({ params = {} }: Operation): readonly JsonObject[] {
  return Object.entries(params).map(([name, description]) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query }: Operation): readonly JsonObject[] {
  if (query === undefined) return []
  const { properties = {} } = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = property as JsonObject
    return { name, in: 'query', required: false, description, schema }
  })
}

function successes({ replies }: Operation): JsonObject {
  return Object.fromEntries(
    Object.entries(replies).map(([status, reply]) => {
      const { description, contentType = 'application/json' } = reply
      return [status, { description, content: { [contentType]: contentOf(reply) } }]
    }),
  )
}

/** OpenAPI 3.1 cannot describe the events of a stream, so their schemas are in an extension. */
function contentOf({ schema, events }: Operation['replies'][number]): JsonObject {
  if (schema !== undefined) return { schema: refTo(schema) }
  if (events === undefined) return {}
  const eventSchemas = Object.entries(events).map(([name, data]) => [name, refTo(data)])
  return { schema: { type: 'string' }, 'x-events': Object.fromEntries(eventSchemas) }
}

/** One response for each status, with its possible codes. */
function failures(operation: Operation): JsonObject {
  const responses: Record<string, JsonObject> = {}
  for (const [status, codes] of Map.groupBy(codesOf(operation), (code) => problems[code])) {
    const schema = refTo(problemReport)
    responses[status] = { description: codes.join(' or '), content: { 'application/problem+json': { schema } } }
  }
  return responses
}

function codesOf({ access, query, body, problems: own = [] }: Operation): readonly ProblemCode[] {
  const codes = new Set<ProblemCode>([
    ...(access === 'open' || access === 'client' ? [] : TOKEN),
    ...(access === 'change' ? (['ADMIN_TOKEN_UNSET'] as const) : []),
    ...(body === undefined ? [] : BODY),
    ...(query === undefined ? [] : (['ADMIN_BAD_REQUEST'] as const)),
    ...own,
    ...GENERAL,
  ])
  return [...codes]
}

function refTo(schema: z.ZodType): JsonObject {
  const id = components.get(schema)?.id
  if (id === undefined) throw new Error('every schema of an operation has a name')
  return { $ref: reference(id) }
}
