/** Signatures in a small vocabulary: what is joined, how it is hashed, how the hash is written. */
import { createHash, createHmac } from 'node:crypto'
import type { Secret } from '../../secret.ts'
import { VendorError } from '../contract/error.ts'
import { asIs, type Encode, fill, percentEncoded, type Values } from './template.ts'

export const HASHES = [
  'md5',
  'sha1',
  'sha256',
  'sha512',
  'hmac-md5',
  'hmac-sha1',
  'hmac-sha256',
  'hmac-sha512',
] as const

/** How the parameters of a call are joined: `{sorted}`. */
interface Sorted {
  readonly order: 'name' | 'written'
  readonly pair: string
  readonly join: string
  readonly encode: boolean
  readonly empty: 'skip' | 'keep'
  readonly except: readonly string[]
}

/** One step: a value that later steps and the call itself can use by its name. */
export interface SignStep {
  readonly name: string
  readonly of: Secret
  readonly sorted: Sorted
  /** `none`: the text is not hashed, only encoded. */
  readonly hash: (typeof HASHES)[number] | 'none'
  readonly key?: Secret | undefined
  readonly keyEncoding: 'text' | 'hex' | 'base64'
  readonly encoding: 'hex' | 'base64' | 'base64url' | 'text' | 'url'
  readonly case?: 'lower' | 'upper' | undefined
  readonly slice?: readonly number[] | undefined
}

/**
 * @param steps in the order of the file: a step may use earlier ones
 * @param params of the call, decoded, without those that contain a signature themselves
 * @param values all values for braces, except `sorted` and the steps
 * @returns the steps' values, by name
 */
export function sign(
  steps: readonly SignStep[],
  params: readonly (readonly [string, string])[],
  values: Values,
): Values {
  let signed: Values = {}
  for (const step of steps) {
    const known = { ...values, ...signed }
    const text = fill(step.of.reveal(), { ...known, sorted: joined(params, step.sorted) })
    signed = { ...signed, [step.name]: written(digest(step, text, known), step) }
  }
  return signed
}

function joined(params: readonly (readonly [string, string])[], options: Sorted): string {
  const { order, pair, join, encode, empty, except } = options
  const write: Encode = encode ? percentEncoded : asIs
  const signed = params.filter(([name, value]) => !except.includes(name) && (empty === 'keep' || value !== ''))
  // By code units, as in every vendor's example in Python, Java and PHP.
  const sorted = order === 'name' ? signed.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : signed
  return sorted.map(([name, value]) => fill(pair, { name: write(name), value: write(value) })).join(join)
}

function digest({ hash, key, keyEncoding }: SignStep, text: string, known: Values): Buffer {
  if (hash === 'none') return Buffer.from(text)
  const [, keyed, name = ''] = /^(hmac-)?(.+)$/.exec(hash) ?? []
  if (keyed === undefined) return createHash(name).update(text).digest()
  return createHmac(name, keyBytes(fill(key?.reveal() ?? '', known), keyEncoding))
    .update(text)
    .digest()
}

const ENCODED = { hex: /^(?:[\da-f]{2})+$/i, base64: /^[\w+/-]+={0,2}$/ } as const

/** @throws {VendorError} `Buffer` would end at the first character that is none of the encoding's */
function keyBytes(written: string, encoding: SignStep['keyEncoding']): Buffer {
  if (encoding === 'text') return Buffer.from(written)
  if (ENCODED[encoding].test(written)) return Buffer.from(written, encoding)
  throw new VendorError('bad_request', 'sign', `the key of the signature is not written in ${encoding}`)
}

function written(bytes: Buffer, { encoding, case: letters, slice }: SignStep): string {
  const text =
    encoding === 'url' ? percentEncoded(bytes.toString()) : bytes.toString(encoding === 'text' ? 'utf8' : encoding)
  const cut = slice === undefined ? text : text.slice(slice[0], slice[1])
  if (letters === undefined) return cut
  return letters === 'upper' ? cut.toUpperCase() : cut.toLowerCase()
}
