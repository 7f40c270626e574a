/**
 * The envelope around every call of ipipv: parameters and data travel as AES in CBC mode, PKCS#7 padding, base64; the key is
 * the appSecret (16, 24 or 32 bytes), the initial vector its first 16 bytes. Document: `ipipv-open-api.txt`, 通用 to 数据加密.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { VendorError } from '../contract/error.ts'
import type { Credentials, ErrorRule, Operation, Param, Params, ParamValue, RawReply } from '../contract/operation.ts'
import { parseJson } from '../parse/json.ts'
import { malformed, membersOf, type RulesByWords, refusal, ruleInWords, ruleOf, textOf } from '../parse/reply.ts'
import { everyCode } from './codes.ts'
import { operations } from './operations.ts'

const KEY_BYTES = [16, 24, 32]
const IV_BYTES = 16
const SUCCESS = '200'

/** The labels of the envelope: the document's table says `v2` and aes, its sample `2.0`; the vendor's own SDK sends these. */
export interface EnvelopeLabels {
  readonly version: string
  readonly encrypt: string
}

const usualLabels: EnvelopeLabels = { version: 'v2', encrypt: 'AES' }

/** @param secret 16, 24 or 32 bytes of UTF-8 @throws {VendorError} class auth when it is not */
export function encrypt(text: string, secret: string): string {
  const { name, key, iv } = cipherOf(secret)
  const cipher = createCipheriv(name, key, iv)
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]).toString('base64')
}

/** @throws {VendorError} class auth: what cannot be decrypted was encrypted with another secret */
export function decrypt(base64: string, secret: string): string {
  const { name, key, iv } = cipherOf(secret)
  try {
    const decipher = createDecipheriv(name, key, iv)
    return Buffer.concat([decipher.update(base64, 'base64'), decipher.final()]).toString('utf8')
  } catch {
    throw wrongSecret()
  }
}

function cipherOf(secret: string): { name: string; key: Buffer; iv: Buffer } {
  const key = Buffer.from(secret, 'utf8')
  if (KEY_BYTES.includes(key.length)) return { name: `aes-${key.length * 8}-cbc`, key, iv: key.subarray(0, IV_BYTES) }
  throw new VendorError('auth', 'credentials', 'the appSecret must be 16, 24 or 32 bytes long', {
    hint: 'copy appSecret again as ipipv gave it, without spaces',
  })
}

function wrongSecret(): VendorError {
  return new VendorError('auth', 'decrypt', 'the data of the reply cannot be decrypted', {
    sale: 'unknown',
    hint: 'is appSecret the one of this appKey, and baseUrl that of the same environment (sandbox or production)?',
  })
}

/** Makes the envelope of a call; `''` means no parameters. */
export function authorizer(labels: EnvelopeLabels = usualLabels) {
  return (name: string, params: Params, { appKey, appSecret }: Credentials, reqId: string): Params => {
    if (appKey === undefined || appSecret === undefined)
      throw new VendorError('auth', 'credentials', 'ipipv needs the credentials appKey and appSecret')
    const typed = typedParams(operations[name], params)
    const text = Object.keys(typed).length === 0 ? '' : encrypt(JSON.stringify(typed), appSecret.reveal())
    return { ...labels, appKey: appKey.reveal(), reqId, params: text }
  }
}

/** Numbers as numbers and lists as arrays: JSON distinguishes them, a command line does not. */
function typedParams(operation: Operation | undefined, params: Params): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      TEXTS.has(name) ? String(value) : typedValue(operation?.params[name], value),
    ]),
  )
}

/** Numbers that are text in the document. */
const TEXTS: ReadonlySet<string> = new Set(['sessTime'])

function typedValue(param: Param | undefined, value: ParamValue): unknown {
  switch (param?.type) {
    case 'integer':
      return Number(value)
    case 'boolean':
      return ['true', '1'].includes(String(value))
    case 'csv': {
      const areNumbers = param.values?.every((known) => typeof known === 'number') === true
      return String(value)
        .split(',')
        .map((member) => (areNumbers ? Number(member) : member))
    }
    case 'items':
      return typedItems(param, JSON.parse(String(value)) as readonly Readonly<Record<string, unknown>>[])
    default:
      return typeof value === 'boolean' ? value : String(value)
  }
}

/** The document permits `null`: the vendor chooses. */
function typedItems({ members = {} }: Param, items: readonly Readonly<Record<string, unknown>>[]): unknown {
  const typed = (name: string, held: unknown) =>
    held === null
      ? held
      : typedValue(members[name], typeof held === 'object' ? JSON.stringify(held) : (held as ParamValue))
  return items.map((item) => Object.fromEntries(Object.entries(item).map(([name, held]) => [name, typed(name, held)])))
}

/** Not in the list of codes; the meaning of the message is a guess. */
const words: RulesByWords = [
  [/频繁|too (fast|many|frequent)/i, { class: 'rate_limited', term: '请求过于频繁', wait: 1_000 }],
  [
    /白名单|white ?list/i,
    {
      class: 'whitelist',
      term: '白名单',
      hint: 'put the egress address of this machine on the whitelist at ipipv',
    },
  ],
  [
    /余额不足|流量(余额)?(不足|已?(经)?(用|使用|耗)(完|尽))|insufficient (balance|traffic)|traffic (is )?used up/i,
    { class: 'quota_exhausted', term: '余额不足', hint: 'top up at ipipv', wait: 600_000 },
  ],
]

/** @returns the data of a successful reply; undefined when the reply is only a status */
export function decode(operation: string, reply: RawReply, _sent: Params, { appSecret }: Credentials): unknown {
  const { code, msg, data } = membersOf(parseJson(reply.text)) ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', reply.text)
  if (said !== SUCCESS) throw failure(operation, said, textOf(msg) ?? '')
  if (data === undefined || data === null || data === '') return undefined
  if (typeof data !== 'string') throw malformed('the data of the reply is not encrypted')
  return parseDecrypted(decrypt(data, appSecret?.reveal() ?? ''))
}

/** With a wrong secret the padding is valid by chance, once in 256: only valid JSON proves the decryption. */
function parseDecrypted(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrongSecret()
  }
}

/** One code means "the name exists", "no main account" and "main account disabled": only the message distinguishes them. */
const OVERLOADED = '10061'
const mainAccount: ErrorRule = {
  class: 'auth',
  term: '主账户不存在或已禁用',
  hint: 'look at the main account at ipipv: it does not exist or is disabled',
}

/** The meaning of one of the vendor's codes. */
export function failure(operation: string, code: string, message: string): VendorError {
  if (code === OVERLOADED && /禁用|不存在/.test(message)) return refusal(mainAccount, code, message)
  const documented = ruleOf(code, operations[operation]?.errors, everyCode)
  return refusal(documented ?? ruleInWords(message, words), code, message)
}
