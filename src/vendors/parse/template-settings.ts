/** Keys whose values are templates: header fields, and signatures (sign.ts). */
import { z } from 'zod'
import { integer, someOf } from '../../config/fields.ts'
import { Secret } from '../../secret.ts'
import { HASHES } from './sign.ts'

const header = () =>
  z
    .string()
    .refine((value) => /^[\t\x20-\x7e\x80-\xff]{1,8192}$/.test(value), {
      error: 'must be one line of at most 8192 characters, and none beyond Latin-1',
    })
    .transform((value) => new Secret(value))

export const headers = () => z.record(z.string(), header())

const template = () =>
  z
    .string()
    .max(8_192)
    .transform((value) => new Secret(value))

const sorted = () =>
  z.strictObject({
    order: z.enum(['name', 'written']).default('name').meta({ description: 'By name, or as they are sent.' }),
    pair: z.string().max(64).default('{name}={value}').meta({ description: 'One parameter.' }),
    join: z.string().max(16).default('&').meta({ description: 'Between two.' }),
    encode: z.boolean().default(false).meta({ description: 'Percent-encode names and values (RFC 3986).' }),
    empty: z.enum(['skip', 'keep']).default('skip').meta({ description: 'Parameters without a value.' }),
    except: z.array(z.string()).default([]).meta({ description: 'Parameters that are not signed.' }),
  })

const signStep = () =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z_]\w{0,63}$/, { error: 'write letters, digits and _' })
      .default('sign')
      .meta({ description: 'Used as {name} in the call and in the steps behind.' }),
    of: template().meta({
      description:
        'What is signed: credentials, {timestamp}, {nonce}, {sorted} (the parameters), {method}, {host}, {path}, {query}, {body}.',
    }),
    sorted: sorted().prefault({}).meta({ description: 'How {sorted} is written.' }),
    hash: z.enum([...HASHES, 'none']).meta({ description: 'How it is digested.' }),
    key: template().optional().meta({ description: 'Key of an hmac.' }),
    keyEncoding: z
      .enum(['text', 'hex', 'base64'])
      .default('text')
      .meta({ description: 'How the key is written; hex and base64 stand for its bytes.' }),
    encoding: z
      .enum(['hex', 'base64', 'base64url', 'text', 'url'])
      .default('hex')
      .meta({ description: 'How it is written; url is percent-encoded text.' }),
    case: z.enum(['lower', 'upper']).optional().meta({ description: 'Letters of the result.' }),
    slice: z
      .array(integer(0, 1_024))
      .length(2)
      .optional()
      .meta({ description: 'Characters of the result that are kept, as in [8, 24] for the middle of an md5.' }),
  })

export const signature = () =>
  z.union([signStep().transform((step) => [step]), someOf(signStep())]).meta({
    description: 'The signature, as {sign} in the call; a list where one step needs the result of another.',
  })
