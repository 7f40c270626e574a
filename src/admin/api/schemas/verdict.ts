/** One sentence about the state of the gateway, with its remedy: `GET /v1/verdict` and the event `verdict`. */
import { z } from 'zod'
import { list, named, oneOf, orNull, text } from './fields.ts'

/** Worst first. Codes are permanent; src/messages words them as `verdict.<code>` and `remedy.<code>`. */
export const verdictCodes = [
  'not-listening',
  'cluster-store-down',
  'key-wrong',
  'plan-expired',
  'whitelist-missing',
  'request-wrong',
  'addresses-unusable',
  'replies-unusable',
  'budget-total-reached',
  'budget-too-small',
  'budget-reached',
  'quota-used-up',
  'vendor-down',
  'not-reloaded',
  'sold-out',
  'calls-used-up',
  'paused',
  'provider-waiting',
  'clients-wait',
  'balance-low',
  'plan-ends-soon',
  'needs-restart',
  'no-demand',
  'all-well',
] as const

export const verdictLevels = ['critical', 'warning', 'notice', 'ok'] as const

export const finding = named(
  'Finding',
  'Something that is the case, and what to do about it.',
  z.strictObject({
    level: oneOf(
      verdictLevels,
      'critical: clients cannot be served; warning: they can, but someone must act; notice; ok',
    ),
    code: oneOf(verdictCodes, 'What is the case'),
    params: z.record(z.string(), z.union([z.string(), z.number()])).meta({
      description: 'What the sentence names: provider, reason, place, keys, seconds, count, limit, which',
    }),
    provider: orNull(text('The provider that it is about')),
    sentence: text('In English, one sentence'),
    remedy: text('What to do, in English'),
    action: orNull(oneOf(['retry', 'resume', 'refill'], 'Action of the provider that helps once the cause is removed')),
  }),
)

export const verdictReport = named(
  'Verdict',
  'The worst finding first.',
  z.strictObject({
    level: oneOf(verdictLevels, 'Level of the worst finding'),
    findings: list(finding, 'At least one; the worst first'),
  }),
)

export type VerdictCode = (typeof verdictCodes)[number]
export type Finding = Readonly<z.infer<typeof finding>>
export type VerdictReport = Readonly<z.infer<typeof verdictReport>>
