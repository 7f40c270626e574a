/** Calls to a vendor by an operator: `POST /v1/providers/{name}/call` and `POST /v1/test-source`. */
import { z } from 'zod'
import { secretUrl } from '../../../config/fields.ts'
import { requestUrl } from '../../../supply/operator/try.ts'
import { count, decimal, list, named, oneOf, orNull, seconds, text } from './fields.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
/** Lists in the form that the command line has: values with commas, objects as JSON. */
const param = z.union(
  [
    scalar,
    z.array(scalar).transform((values) => values.join(',')),
    z.array(z.record(z.string(), z.unknown())).transform((items) => JSON.stringify(items)),
  ],
  { error: 'must be a text, a number, a boolean, or a list of such or of objects' },
)

export const callOrder = named(
  'CallOrder',
  "An operation of a vendor's table.",
  z.strictObject({
    operation: text("Name in the vendor's table, as in share-channel/get"),
    params: z
      .record(z.string(), param)
      .prefault({})
      .meta({ description: "The vendor's own parameters; lists as such, or as on the command line", default: {} }),
    yes: z
      .boolean()
      .prefault(false)
      .meta({ description: 'Needed for what buys, changes or deletes something', default: false }),
    reveal: z
      .boolean()
      .prefault(false)
      .meta({ description: 'Shows a password that the vendor makes up for this call', default: false }),
  }),
)

export const callReply = named(
  'CallReply',
  'What the vendor answered.',
  z.strictObject({
    provider: text('Name of the provider'),
    operation: text('Name of the operation'),
    effect: oneOf(['reads', 'buys', 'changes', 'deletes'], 'What the operation does to the account'),
    data: z.unknown().meta({ description: 'The decoded reply; secrets are ***' }),
    warnings: list(
      text('Warning'),
      'What to know of this call: it is unproven, or a value is beyond what is known to work',
    ),
  }),
)

export const areasReply = named(
  'AreasReply',
  'Places or lines of a vendor.',
  z.strictObject({
    provider: text('Name of the provider'),
    areas: list(
      z.strictObject({
        param: text('Key under request:'),
        value: text('Its value'),
        name: text("In the vendor's own words"),
        available: count('Addresses that there are now; absent where the vendor does not tell').optional(),
      }),
      'In the order of the vendor',
    ),
  }),
)

const tryUrl = z
  .string()
  .refine((url) => requestUrl(url) !== undefined, 'an http or https URL without a login')
  .optional()
  .meta({ description: 'A URL that is requested through the first address, with a library that is not Turnpike' })

/** A configured provider, or a link that is not in the configuration. */
export const testSourceOrder = named(
  'TestSourceOrder',
  'What to call.',
  z.union([
    z.strictObject({ provider: text('Name of a configured provider'), try: tryUrl }),
    z
      .strictObject({
        url: secretUrl().meta({ description: "A link from a vendor's page; it is not kept", type: 'string' }),
        product: z.string().optional().meta({ description: 'What the link is for, where it does not tell' }),
        try: tryUrl,
      })
      .transform(({ url, product, ...rest }) => ({ url, product, ...rest })),
  ]),
)

export const testSourceReply = named(
  'TestSourceReply',
  'What one call brought.',
  z.strictObject({
    vendor: text('Vendor'),
    product: text('Product'),
    provider: orNull(text('The provider in whose budget it was counted')),
    ordered: orNull(count('Addresses ordered; null: a list was read')),
    seconds: seconds('Duration of the call'),
    format: orNull(text('Format of the reply')),
    addresses: list(
      z.strictObject({
        address: text('host:port'),
        protocol: text('Protocol'),
        login: oneOf(
          ['none', 'user name', 'user name and password'],
          'What login the reply has; never the login itself',
        ),
        lifeSeconds: orNull(decimal('Life from now; null: endless')),
        exit: orNull(text('Address that targets see')),
        country: orNull(text('Country')),
        area: orNull(text('Province or region')),
        city: orNull(text('City')),
        isp: orNull(text('Carrier')),
      }),
      'The first 20',
    ),
    count: count('How many addresses came'),
    pending: count('Bought, but without an address so far'),
    rejected: list(text('Reason'), 'Items that could not be used; the first 20'),
    doubts: list(
      oneOf(['assumed', 'absurd', 'past'], 'A life that is in doubt'),
      'assumed: no life was stated, and 60 s were assumed; absurd, past: a deadline that cannot be',
    ),
    balance: orNull(decimal('What the vendor says is left')),
    failure: orNull(
      z
        .strictObject({
          class: text('Kind of failure'),
          error: text('Code, see docs/errors.md'),
          vendorCode: text("The vendor's own code"),
          words: text("The vendor's words"),
          hint: orNull(text('What to do')),
        })
        .meta({ description: 'How the vendor refused; null: it worked' }),
    ),
    tried: orNull(
      z
        .strictObject({
          address: text('host:port'),
          protocol: text('Protocol'),
          library: oneOf(['undici', 'socks'], 'The package that carried the request'),
          seconds: seconds('From the connection to the beginning of the body'),
          status: orNull(count('Status of the answer, which may be the proxy’s own; null: none came')),
          bytes: count('Octets of the body that were read'),
          text: text('The beginning of the body'),
          failure: orNull(
            z
              .strictObject({ code: orNull(text('Code of the error')), words: text("The library's words") })
              .meta({ description: 'Why no answer came; null: one came' }),
          ),
        })
        .meta({
          description: 'The request that the first address was to carry; null: none was asked for, or no address came',
        }),
    ),
    yaml: orNull(text('For a link: the entry for `providers:` in gateway.yaml, with the key as a placeholder')),
  }),
)
export type AreasReply = Readonly<z.infer<typeof areasReply>>
