/** Keys of a gateway's entry. */
import { z } from 'zod'
import { duration, integer, refuse, secret, text } from '../../config/fields.ts'
import { Secret } from '../../secret.ts'
import type { Values } from '../parse/template.ts'
import { headers, signature } from '../parse/template-settings.ts'

export const PLACE = ['country', 'area', 'city', 'isp'] as const

/** A place: two letters, or the vendor's name for it in a user name. */
const word = (about: string) => text({ maxBytes: 64 }).optional().meta({ description: about })

/** @returns the first and the last one */
const ports = () =>
  z.union([
    integer(1, 65_535).transform((port): readonly [number, number] => [port, port]),
    z.string().transform((text, ctx): readonly [number, number] => {
      const [first = 0, last = 0] = /^\d{1,5}-\d{1,5}$/.test(text) ? text.split('-').map(Number) : []
      if (first >= 1 && first <= last && last <= 65_535) return [first, last]
      return refuse(ctx, 'write a port, or a range of ports, as in 10001-10100')
    }),
  ])

const place = () =>
  z.strictObject({
    country: word('Fills {country}; clients ask for it as country.'),
    area: word('Fills {area}: state or region.'),
    city: word('Fills {city}.'),
    isp: word('Fills {isp}: carrier or ASN.'),
    host: text({ maxBytes: 253 }).optional().meta({ description: 'Host of this place, if it has its own.' }),
    port: ports().optional().meta({ description: 'Port of this place, or range of ports.' }),
  })

const login = () =>
  z
    .string()
    .refine((value) => value !== '' && value.length <= 255, { error: 'must be 1 to 255 characters long' })
    .transform((value) => new Secret(value))

export const settings = {
  host: text({ maxBytes: 253 }).meta({ description: 'Host that all sessions are dialled at.' }),
  port: ports().meta({
    description: 'Its port; or a range, as in 10001-10100, where each port keeps one exit: sessions take turns.',
  }),
  protocol: z.enum(['http', 'https', 'socks5']).default('http').meta({ description: 'What it speaks.' }),
  username: login().optional().meta({
    description: 'User name with {session}, {country} and the like in it; {minutes} and {seconds} are the life.',
  }),
  password: login().optional().meta({ description: 'Password; filled in as the user name is.' }),
  headers: headers().optional().meta({
    description:
      'Header fields that each request to the host carries, filled in anew for it; also {timestamp}, {sign}.',
  }),
  sign: signature().optional(),
  credentials: z
    .record(
      z.string().regex(/^[A-Za-z_]\w{0,63}$/, { error: 'write letters, digits and _' }),
      secret({ maxBytes: 255 }),
    )
    .default({})
    .meta({ description: 'Keys of the account under names of your own: {name} in username and password.' }),
  life: duration({ min: 1_000 }).meta({ description: 'How long the vendor keeps a session on one exit.' }),
  rotates: z.boolean().default(false).meta({
    description:
      'The vendor gives each connection another exit, and the login needs no {session}. A session of a client does not keep its exit.',
  }),
  session: z
    .strictObject({
      length: integer(4, 32).default(8).meta({ description: 'Characters of {session}.' }),
      of: z.enum(['alphanumeric', 'digits', 'letters']).default('alphanumeric').meta({ description: 'Which ones.' }),
    })
    .prefault({})
    .meta({ description: 'How sessions are named.' }),
  places: z.array(place()).default([]).meta({ description: 'Where exits shall be; sessions take turns.' }),
}

const schema = z.object(settings)
export type GatewayOwn = z.infer<typeof schema>
export type Place = GatewayOwn['places'][number]

/** The values for braces that all sessions have. */
export function valuesOf({ credentials, life }: Pick<GatewayOwn, 'credentials' | 'life'>): Values {
  return {
    ...Object.fromEntries(Object.entries(credentials).map(([name, value]) => [name, value.reveal()])),
    seconds: String(Math.floor(life / 1_000)),
    minutes: String(Math.max(1, Math.floor(life / 60_000))),
  }
}

/** Reads the keys as they are written in a file. @throws zod's error */
export function parseGateway(written: unknown): GatewayOwn {
  return schema.parse(written)
}
