/** Keys of a provider's entry that only ipipv's products have. */
import { z } from 'zod'
import { integer, someOf, text } from '../../config/fields.ts'

const number = () => z.string().regex(/^[\w.-]{1,64}$/, 'write the number as ipipv shows it, as in c_gz3h2igp6dz9cq3')

const labels = {
  version: text({ maxBytes: 16 })
    .default('v2')
    .meta({ description: 'Version in the envelope: v2, or 2.0 as a sample of the document has it.' }),
  encrypt: text({ maxBytes: 16 })
    .refine((name) => !/rsa/i.test(name), {
      error: 'rsa belongs to the interfaces before version 2, which the document does not describe: write AES',
    })
    .default('AES')
    .meta({ description: 'Name of the encryption in the envelope; it stays AES-CBC.' }),
}

export const passwordSettings = {
  ...labels,
  protocol: z
    .enum(['http', 'socks5'])
    .default('http')
    .meta({ description: 'How the addresses are spoken to, where ipipv does not say.' }),
  mainAccount: text({ maxBytes: 64 })
    .optional()
    .meta({ description: 'Main account (appUsername) whose traffic is used: for the balance and lowStock.' }),
}

export const apiSettings = { ...labels }

const purchase = () =>
  z.strictObject({
    productNo: text({ maxBytes: 64 }).meta({ description: 'What to buy: productNo of product/query.' }),
    count: integer(1, 1_000).meta({
      description: 'How many instances to hold in all; fewer are bought when fewer are wanted.',
    }),
    maxPrice: z.number().gt(0).meta({
      description: 'Most that one instance may cost for its whole term (price × cycleTimes), in the currency of ipipv.',
    }),
    cycleTimes: integer(1, 1_000).default(1).meta({ description: 'How many of the product’s own terms to buy.' }),
    useBridge: z
      .literal([1, 2])
      .default(1)
      .meta({ description: '1 no bridge; 2 bridge, whose fee is on top of maxPrice.' }),
  })

export const staticSettings = {
  ...labels,
  instances: someOf(number()).optional().meta({ description: 'Numbers of instances that you have (instanceNo).' }),
  orders: someOf(number())
    .optional()
    .meta({ description: 'Numbers of ipipv’s orders (orderNo) whose instances are used.' }),
  purchase: purchase()
    .optional()
    .meta({ description: 'Buys instances when they are wanted. Without it nothing is ever bought.' }),
  protocol: z
    .enum(['http', 'socks5'])
    .optional()
    .meta({ description: 'Which of an instance’s protocols to speak; http where it has both.' }),
  bridge: z
    .boolean()
    .default(false)
    .meta({ description: 'Connect to an instance’s bridge, where it has one (SOCKS5).' }),
}

const staticSchema = z.object(staticSettings)
export type StaticOwn = z.infer<typeof staticSchema>
export type Purchase = z.infer<ReturnType<typeof purchase>>

/** What a provider's own keys say, defaults put in: the configuration has checked them before. */
export function readStatic(own: unknown): StaticOwn {
  return staticSchema.parse(own ?? {})
}

const passwordSchema = z.object(passwordSettings)
export function readPassword(own: unknown): z.infer<typeof passwordSchema> {
  return passwordSchema.parse(own ?? {})
}

const labelSchema = z.object(labels)
export function readLabels(own: unknown): z.infer<typeof labelSchema> {
  return labelSchema.parse(own ?? {})
}

/** What a user's own keys change in the table. */
export interface Variant {
  /** How the envelope is labelled. */
  readonly labels?: { readonly version: string; readonly encrypt: string }
  /** Of drawn addresses that name none. */
  readonly protocol?: 'http' | 'socks5'
  /** Main account of the dynamic traffic. */
  readonly mainAccount?: string | undefined
}
