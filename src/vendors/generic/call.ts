/** Converts the keys of a call to an HTTP request. */
import { given } from '../../given.ts'
import type { Secret } from '../../secret.ts'
import type { Composed } from '../contract/operation.ts'
import { splitLogin } from '../parse/link.ts'
import { membersOf } from '../parse/reply.ts'
import { sign } from '../parse/sign.ts'
import { asIs, type Encode, fill, inJson, inXml, namesIn, percentEncoded, type Values } from '../parse/template.ts'
import type { CallSettings } from './call-settings.ts'

/** Placeholder for a signature while it is computed: parameters that contain it are not signed. */
const MARK = '\u0000'

/** The signatures of a call, by their names. @param values all other values for the call */
export function signaturesOf(call: CallSettings, values: Values): Values {
  if (call.sign === undefined) return {}
  const marks = Object.fromEntries(call.sign.map(({ name }) => [name, MARK]))
  const { url, body = '' } = composed(call, { ...values, ...marks })
  const { method, host, pathname: path, search, searchParams } = Object.assign(new URL(url), { method: call.method })
  const params = [...searchParams, ...bodyParams(call, body)].filter(([, value]) => !value.includes(MARK))
  const query = search
    .slice(1)
    .split('&')
    .filter((pair) => !pair.includes('%00'))
    .join('&')
  const isSigned = body.includes(MARK) || body.includes('%00') || body.includes('\\u0000')
  return sign(call.sign, params, { ...values, method, host, path, query, body: isSigned ? '' : body })
}

/** @param values all values for the call, including its signatures */
export function composed(call: CallSettings, values: Values): Composed {
  const { url, headers: login } = splitLogin(new URL(fill(call.url.reveal(), values, percentEncoded)))
  const query = formOf(call.query, values)
  if (query !== '') url.search = [url.search.slice(1), query].filter((part) => part !== '').join('&')
  const headers = Object.entries(call.headers).map(([name, value]) => [
    name.toLowerCase(),
    fill(value.reveal(), values),
  ])
  const body = bodyOf(call, values)
  const type = body === undefined ? {} : { 'content-type': typeOf(call) }
  return {
    url: url.href,
    headers: { ...type, ...login, ...Object.fromEntries(headers) },
    ...given({ body }),
  }
}

/** The names between braces in a call's keys. */
export function namesOf({ url, headers, query = {}, form = {}, json, body, sign: steps = [] }: CallSettings): string[] {
  const secrets = [url, json, body, ...[headers, query, form].flatMap((record) => Object.values(record))]
  const signed = steps.flatMap(({ of, key }) => [of, key])
  return [...secrets, ...signed].flatMap((secret) => (secret === undefined ? [] : namesIn(secret.reveal())))
}

function bodyOf(call: CallSettings, values: Values): string | undefined {
  const { form, json, body } = call
  if (form !== undefined) return formOf(form, values)
  if (json !== undefined) return JSON.stringify(filled(JSON.parse(json.reveal()), values))
  if (body === undefined) return undefined
  const text = body.reveal()
  const looks = lookOf(text)
  const type = looks === FORM ? typeOf(call) : looks
  return fill(text, values, ENCODINGS.find(([pattern]) => pattern.test(type))?.[1] ?? asIs)
}

function formOf(params: Readonly<Record<string, Secret>> | undefined, values: Values): string {
  const pairs = Object.entries(params ?? {}).flatMap(([name, value]): [string, string][] => {
    const template = value.reveal()
    const text = fill(template, values)
    // The first page has no name.
    return template === '{cursor}' && text === '' ? [] : [[name, text]]
  })
  return new URLSearchParams(pairs).toString()
}

/** A text that is a number in JSON. */
const NUMBER = /^\{(?:num|timestamp|timestamp_ms|port)\}$/

/** A text that is a list in JSON. */
const LIST = '{ips}'

function filled(value: unknown, values: Values): unknown {
  if (value === LIST && values['ips'] !== undefined) return values['ips'].split(',').filter((ip) => ip !== '')
  if (typeof value === 'string') {
    const text = fill(value, values, asIs)
    return NUMBER.test(value) && /^\d+$/.test(text) ? Number(text) : text
  }
  if (Array.isArray(value)) return value.map((member: unknown) => filled(member, values))
  const members = membersOf(value)
  if (members === undefined) return value
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, filled(member, values)]))
}

/** The parameters of a body; for a JSON body, its top-level members. */
function bodyParams({ form, json }: CallSettings, body: string): [string, string][] {
  if (form !== undefined) return [...new URLSearchParams(body)]
  if (json === undefined) return []
  const members = Object.entries(membersOf(JSON.parse(body)) ?? {})
  return members.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)])
}

/** How values are escaped in a body, by its Content-Type; in other types they are not. */
const ENCODINGS: readonly (readonly [RegExp, Encode])[] = [
  [/json/i, inJson],
  [/xml/i, inXml],
  [/urlencoded/i, percentEncoded],
]

function typeOf({ headers, json, body }: CallSettings): string {
  const stated = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')
  return stated?.[1].reveal() ?? (json === undefined ? lookOf(body?.reveal() ?? '') : JSON_TYPE)
}

const JSON_TYPE = 'application/json'
const FORM = 'application/x-www-form-urlencoded'

function lookOf(body: string): string {
  const [first = ''] = body.trimStart()
  if (first === '{' || first === '[') return JSON_TYPE
  return first === '<' ? 'application/xml' : FORM
}
