/** The definition of an operation of the admin API: the routes and the OpenAPI document are both made from it. */
import type { z } from 'zod'
import type { ProblemCode } from './problem.ts'

/**
 * `open`: without token; `read`: the token off loopback; `change`: always the token; `client`: the login of a user of a port,
 * or for a port without users, as `read`.
 */
type Access = 'open' | 'read' | 'change' | 'client'

interface Reply {
  readonly description: string
  /** Absent: the reply is not JSON. */
  readonly schema?: z.ZodType
  /** Default: application/json. */
  readonly contentType?: string
  /** Of an event stream: the schema of each event's data, by the event's name. */
  readonly events?: Readonly<Record<string, z.ZodType>>
}

export interface Operation {
  readonly method: 'get' | 'post'
  /** With {name} for parameters, as in OpenAPI. */
  readonly path: string
  readonly summary: string
  readonly access: Access
  /** Descriptions of the path parameters. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** Octets; default 64 KiB. */
  readonly maxBodyBytes?: number
  /** Successful replies by status. */
  readonly replies: Readonly<Record<number, Reply>>
  /** Its own failures, beside those that follow from `access`, `query` and `body`. */
  readonly problems?: readonly ProblemCode[]
}
