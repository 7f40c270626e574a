/** Bodies and queries of requests to the admin port. */
import type { z } from 'zod'
import { explain, rememberKnownKeys } from '../../config/explain.ts'
import { problem } from './problem.ts'

const MAX_BODY_BYTES = 65_536

/** @returns the JSON body, parsed by the schema, or the response that refuses it; no body is an object without members */
export async function readBody<T extends z.ZodType>(
  request: Request,
  schema: T,
  maxBytes = MAX_BODY_BYTES,
): Promise<z.output<T> | Response> {
  const text = await readText(request, maxBytes)
  if (text === undefined) return problem('ADMIN_BODY_TOO_LARGE', `the body may have at most ${maxBytes} bytes`)
  const value = text.trim() === '' ? {} : parseJson(text)
  if (value === undefined) return problem('ADMIN_BAD_REQUEST', 'the body is not JSON')
  return read(schema, value)
}

/** @returns the query, parsed by the schema; a parameter that is given twice is refused */
export function readQuery<T extends z.ZodType>(
  queries: Readonly<Record<string, readonly string[]>>,
  schema: T,
): z.output<T> | Response {
  const twice = Object.entries(queries).find(([, values]) => values.length > 1)?.[0]
  if (twice !== undefined) return problem('ADMIN_BAD_REQUEST', `${twice} is given more than once`)
  return read(schema, Object.fromEntries(Object.entries(queries).map(([name, values]) => [name, values[0]])))
}

function read<T extends z.ZodType>(schema: T, value: unknown): z.output<T> | Response {
  const { data, error } = schema.safeParse(value, { error: rememberKnownKeys })
  if (error === undefined) return data
  const findings = error.issues.flatMap((issue) => explain(issue, value))
  const errors = findings.map(({ path, message }) => ({ path: path.join('.'), message }))
  const detail = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  return problem('ADMIN_BAD_REQUEST', detail, { members: { errors } })
}

/** @returns undefined when it is too long; the rest is not read then */
async function readText({ body }: Request, maxBytes: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body ?? []) {
    size += piece.length
    if (size > maxBytes) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
