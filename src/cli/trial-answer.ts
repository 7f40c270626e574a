/** The answer of a running gateway to `POST /v1/test-source`. */
import { z } from 'zod'
import { CommandError, UsageError } from '../command-error.ts'
import type { TrialReport } from '../supply/operator/test-source.ts'
import { type AdminAnswer, gatewaySays, notAGateway } from './admin-client.ts'

const report = z.looseObject({ vendor: z.string(), addresses: z.array(z.looseObject({})), count: z.number() })
const problem = z.object({ code: z.string(), detail: z.string() })

/** @throws {UsageError}, {CommandError} with the gateway's message */
export function readTrial({ status, body }: AdminAnswer, place: string): TrialReport {
  if (status === 200 && report.safeParse(body).success) return body as TrialReport
  const { data } = problem.safeParse(body)
  if (data === undefined) throw new CommandError(notAGateway(place))
  const words = gatewaySays(place, data.detail)
  throw data.code === 'ADMIN_UNKNOWN_PROVIDER' || data.code === 'ADMIN_BAD_REQUEST'
    ? new UsageError(words)
    : new CommandError(words)
}
