/** The planner's forecast for each provider, as plain data for another process or host: whether an address may arrive in time, else why not. */

import { catalogue, type ErrorCode, GatewayError } from '../errors.ts'
import { given } from '../given.ts'

/** Null: it may. */
export type ProviderOutlook = {
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number
} | null

export function writeOutlook(error: GatewayError | undefined): ProviderOutlook {
  if (error === undefined) return null
  const { retryAfterMs } = error.detail as { readonly retryAfterMs?: number }
  return { code: error.code, message: error.message, ...given({ retryAfterMs }) }
}

/** @returns the error of the provider that will be able to buy first; undefined while one of them may deliver */
export function readOutlooks(outlooks: readonly (ProviderOutlook | undefined)[]): GatewayError | undefined {
  const known = outlooks.filter((one) => one !== null && one !== undefined)
  if (known.length < outlooks.length || known.length === 0) return undefined
  const waitOf = ({ retryAfterMs = Number.POSITIVE_INFINITY }: { readonly retryAfterMs?: number }) => retryAfterMs
  const soonest = known.reduce((best, one) => (waitOf(one) < waitOf(best) ? one : best))
  if (!(soonest.code in catalogue)) return undefined
  const { retryAfterMs } = soonest
  return new GatewayError(soonest.code as ErrorCode, soonest.message, { detail: { retryAfterMs } })
}
