/** The result of an operator's call to a vendor: `POST /v1/providers/{name}/call` and `/v1/test-source`. */
import { GatewayError } from '../../errors.ts'
import { StoreError } from '../../store/errors.ts'
import { OperatorCallRefused } from '../../supply/operator/call.ts'
import { codeOfClass, VendorError } from '../../vendors/contract/error.ts'
import { type ProblemCode, problem } from './problem.ts'

/** @throws unexpected errors, and those of a call that its client has cancelled */
export async function answerCall<T>(call: () => Promise<T>): Promise<Response> {
  try {
    const answer = await call()
    return answer === undefined ? problem('ADMIN_UNKNOWN_PROVIDER', 'no provider has this name') : Response.json(answer)
  } catch (error) {
    const response = problemOf(error)
    if (response === undefined) throw error
    return response
  }
}

const refusals: Readonly<Record<OperatorCallRefused['kind'], ProblemCode>> = {
  provider: 'ADMIN_UNKNOWN_PROVIDER',
  operation: 'ADMIN_UNKNOWN_OPERATION',
  parameters: 'ADMIN_BAD_REQUEST',
  unconfirmed: 'ADMIN_UNCONFIRMED',
}

function problemOf(error: unknown): Response | undefined {
  if (error instanceof OperatorCallRefused) return problem(refusals[error.kind], error.message)
  if (error instanceof VendorError) {
    const { class: errorClass, vendorCode, message, hint = null } = error
    const members = { class: errorClass, vendorCode, hint, error: codeOfClass[errorClass] }
    return problem('ADMIN_VENDOR', message, { members })
  }
  if (error instanceof StoreError) return problem('ADMIN_NOT_NOW', error.message)
  if (!(error instanceof GatewayError)) return undefined
  const retryAfterMs = error.detail['retryAfterMs']
  const headers = typeof retryAfterMs === 'number' ? { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) } : {}
  return problem('ADMIN_NOT_NOW', error.message, { headers, members: { error: error.code } })
}
