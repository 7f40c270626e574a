/** Keys of gateway.yaml that several vendors have. */
import { z } from 'zod'
import { duration, secret } from '../../config/fields.ts'
import type { GivesBack, SourceSettings } from './source.ts'

/** A credential in gateway.yaml. */
export function credential(about: string) {
  return secret({ maxBytes: 1_024 }).meta({ description: about })
}

/** The key `method` of a provider whose document allows both for its calls (`Operation.alsoPost`). */
export const methodSetting = {
  method: z
    .enum(['GET', 'POST'])
    .default('GET')
    .meta({ description: 'How the calls are sent; POST puts the parameters into the body.' }),
}

/** The key `giveBack` of products with early release. */
export const giveBackSetting = {
  giveBack: z
    .strictObject({
      idle: duration({ min: 1_000 }).optional().meta({
        description: 'When no client has asked for so long, and `pool.idleAfter` has passed. Default: never.',
      }),
      onStop: z.boolean().default(false).meta({
        description: 'When the gateway stops, as far as the release limit allows within 5s. Not at a takeover.',
      }),
    })
    .optional()
    .meta({
      description: 'When good addresses are given back before their end. Left out: never; bad ones always are.',
    }),
}

type Written = z.infer<(typeof giveBackSetting)['giveBack']>

/** As parsed by the configuration. */
export function readGiveBack({ own }: SourceSettings): GivesBack | undefined {
  const giveBack = own?.['giveBack'] as Written
  if (giveBack === undefined) return undefined
  const { idle, onStop } = giveBack
  return idle === undefined ? { onStop } : { idleMs: idle, onStop }
}
