/** Every error that the admin port answers with, as RFC 9457 problem details. docs/admin-api.md explains each code, and a test keeps the two equal. */
import { http } from '../../node/http.ts'

/** Code -> HTTP status. Codes are permanent, as those of errors.ts are. */
export const problems = {
  ADMIN_BAD_REQUEST: 400,
  ADMIN_TOKEN_REQUIRED: 401,
  ADMIN_TOKEN_WRONG: 401,
  ADMIN_LOGIN_REQUIRED: 401,
  ADMIN_TOKEN_UNSET: 403,
  ADMIN_CROSS_SITE: 403,
  ADMIN_NOT_ALLOWED: 403,
  ADMIN_NOT_FOUND: 404,
  ADMIN_UNKNOWN_UPSTREAM: 404,
  ADMIN_UNKNOWN_PROVIDER: 404,
  ADMIN_UNKNOWN_OPERATION: 404,
  ADMIN_UNKNOWN_LEASE: 404,
  ADMIN_UNKNOWN_SESSION: 404,
  ADMIN_UNKNOWN_CONNECTION: 404,
  ADMIN_METHOD: 405,
  ADMIN_NOT_NOW: 409,
  ADMIN_UNCONFIRMED: 409,
  ADMIN_NOT_RELOADED: 409,
  ADMIN_BODY_TOO_LARGE: 413,
  ADMIN_WRONG_HOST: 421,
  ADMIN_CONFIG_INVALID: 422,
  ADMIN_USER_LIMIT: 429,
  ADMIN_INTERNAL: 500,
  ADMIN_VENDOR: 502,
  ADMIN_NOT_READY: 503,
  ADMIN_BUSY: 503,
  ADMIN_NO_ADDRESS: 503,
} as const satisfies Record<string, number>

export type ProblemCode = keyof typeof problems

/**
 * The response for a problem. It is never cached.
 * @param detail what happened and what to do, as text; no secret
 * @param more.members further members of the problem object
 */
export function problem(
  code: ProblemCode,
  detail: string,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly members?: object } = {},
): Response {
  const status = problems[code]
  // Without `type` the title must be the phrase of the status (RFC 9457 section 4.2.1).
  const body = { title: http.STATUS_CODES[status], status, code, detail, ...more.members }
  const headers = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store', ...more.headers }
  return new Response(JSON.stringify(body), { status, headers })
}
