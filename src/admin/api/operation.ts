/** What an operation of the admin API is: the routes and the OpenAPI document are both made from these. */
import type { z } from 'zod'
import type { ProblemCode } from './problem.ts'

/**
 * `open`: anyone who reaches the port; `read`: the token off loopback; `change`: always the token; `client`: the login of a user
 * of a port, or where a port has none, as `read`.
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
  /** With {name} for parameters, as OpenAPI writes it. */
  readonly path: string
  readonly summary: string
  readonly access: Access
  /** What each parameter of the path is. */
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
