/** Keys of a provider's entry that only ipipv's products have. */

import { z } from 'zod'
import { duration, integer, someOf, text } from '../../config/fields.ts'
import { given } from '../../given.ts'

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

/** One of them selects what is bought. */
const WHAT = ['productNo', 'proxyType', 'countryCode', 'cityCode'] as const

const purchase = () =>
  z
    .strictObject({
      productNo: text({ maxBytes: 64 }).optional().meta({
        description:
          'What to buy: productNo of product/query. Left out: the cheapest product that the filters below let through.',
      }),
      proxyType: z
        .literal([101, 102, 103])
        .optional()
        .meta({ description: 'Filter: 101 cloud, 102 domestic home, 103 foreign home.' }),
      countryCode: text({ maxBytes: 16 }).optional().meta({ description: 'Filter: country, ISO 3166 alpha-3.' }),
      cityCode: text({ maxBytes: 16 }).optional().meta({ description: 'Filter: city, 9 characters.' }),
      supplierCode: text({ maxBytes: 64 }).optional().meta({ description: 'Filter: supplier.' }),
      unit: z
        .literal([1, 2, 3, 4, 10])
        .optional()
        .meta({ description: 'Filter: unit of the term: 1 day, 2 week, 3 month, 4 year, 10 unlimited.' }),
      ispType: z
        .literal([0, 1, 2, 3, 4])
        .optional()
        .meta({ description: 'Filter: 0 unknown, 1 single, 2 dual, 3 native, 4 data centre.' }),
      duration: integer(0, 10_000).optional().meta({ description: 'Filter: shortest term, in units.' }),
      count: integer(1, 1_000).meta({
        description: 'How many instances to hold in all; fewer are bought when fewer are wanted.',
      }),
      maxPrice: z.number().gt(0).meta({
        description:
          'Most that one instance may cost for its whole term (price × cycleTimes), in the currency of ipipv.',
      }),
      cycleTimes: integer(1, 1_000).default(1).meta({ description: 'How many of the product’s own terms to buy.' }),
      useBridge: z
        .literal([1, 2])
        .default(1)
        .meta({ description: '1 no bridge; 2 bridge, whose fee is on top of maxPrice.' }),
      extBandWidth: integer(1, 100_000)
        .optional()
        .meta({ description: 'Bandwidth on top, Mbps; its price counts towards maxPrice.' }),
      renew: z.boolean().optional().meta({
        description:
          'ipipv renews each instance by itself at the end of its term: for ever, and whatever it costs then.',
      }),
      projectId: text({ maxBytes: 64 }).optional().meta({ description: 'Project of ipipv, where it has one.' }),
      cidrBlocks: someOf(
        z.strictObject({
          cidr: cidr(),
          count: integer(1, 1_000).optional().meta({ description: 'Most of it in one order.' }),
        }),
      )
        .optional()
        .meta({ description: 'Address blocks to buy from, in this order; the product must allow it.' }),
    })
    .refine((written) => WHAT.some((name) => written[name] !== undefined), {
      error: 'write productNo, or proxyType, countryCode or cityCode: what to buy',
    })

const cidr = () =>
  z
    .string()
    .regex(/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/, 'write a block of addresses, as in 192.168.0.0/24')
    .meta({ description: 'Block, as in 192.168.0.0/24.' })

const renewal = () =>
  z.strictObject({
    before: duration({ min: 60_000 })
      .prefault('12h')
      .meta({ description: 'How long before its end an instance is renewed, while clients want addresses.' }),
    maxPrice: z.number().gt(0).meta({
      description: 'Most that one instance may cost for the new term (price × cycleTimes), in the currency of ipipv.',
    }),
    cycleTimes: integer(1, 1_000).default(1).meta({ description: 'How many of the product’s own terms to add.' }),
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
  renew: renewal().optional().meta({ description: 'Buys more time for instances that end soon. Without it they end.' }),
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
/** A duration that has been parsed is a number, which cannot be parsed again. */
const withoutRenewal = staticSchema.omit({ renew: true })
export type StaticOwn = z.infer<typeof staticSchema>
export type Purchase = z.infer<ReturnType<typeof purchase>>
export type RenewalTerms = z.infer<ReturnType<typeof renewal>>

/** A provider's own keys with defaults: the configuration has checked them before. */
export function readStatic(own: Readonly<Record<string, unknown>> = {}): StaticOwn {
  const renew = own['renew'] as RenewalTerms | undefined
  return { ...withoutRenewal.parse(own), ...given({ renew }) }
}

const passwordSchema = z.object(passwordSettings)
export function readPassword(own: unknown): z.infer<typeof passwordSchema> {
  return passwordSchema.parse(own ?? {})
}

const labelSchema = z.object(labels)
export function readLabels(own: unknown): z.infer<typeof labelSchema> {
  return labelSchema.parse(own ?? {})
}

/** The changes of the table by a user's own keys. */
export interface Variant {
  /** The labels of the envelope. */
  readonly labels?: { readonly version: string; readonly encrypt: string }
  /** For drawn addresses without a protocol. */
  readonly protocol?: 'http' | 'socks5'
  /** Main account of the dynamic traffic. */
  readonly mainAccount?: string | undefined
}
