/** Formats of text parameters in the documents, in addition to type, bounds and values. */
import { isIP } from 'node:net'
import type { Param, ParamFormat } from '../contract/operation.ts'
import { chinaTime } from '../parse/time.ts'

interface Form {
  readonly fits: (text: string) => boolean
  /** In the words of "must be ...", and of "a comma-separated list of ...". */
  readonly one: string
  readonly many: string
}

const forms: Readonly<Record<ParamFormat, Form>> = {
  'date-time': { fits: isDateTime, one: 'a time written as 2022-08-01 00:00:00', many: 'times' },
  ip: { fits: (text) => isIP(text) !== 0, one: 'an IP address', many: 'IP addresses' },
  'ip-or-all': {
    fits: (text) => text === '*' || isIP(text) !== 0,
    one: 'an IP address, or * for all',
    many: 'IP addresses, or * for all',
  },
  cidr: { fits: isCidr, one: 'an address block written as 192.168.0.0/24', many: 'address blocks' },
  alphanumeric: { fits: isAlphanumeric, one: 'letters and digits only', many: 'names of letters and digits only' },
  login: {
    fits: (text) => text.split(':').length === 2 && text.split(':').every(isAlphanumeric),
    one: 'name:password, of letters and digits only',
    many: 'name:password, of letters and digits only',
  },
  term: {
    fits: (text) => /^[1-9]\d{0,3}[sdwm]$/.test(text),
    one: 'a term as 2s (hours), 1d, 1w or 1m',
    many: 'terms',
  },
}

/** Whether a text, or an item of a list, has the format of its parameter. */
export function hasFormat({ format }: Param, text: string): boolean {
  return format === undefined || forms[format].fits(text)
}

/** The format in words; undefined when there is none. */
export function formatWords({ format }: Param): Omit<Form, 'fits'> | undefined {
  return format === undefined ? undefined : forms[format]
}

/** @returns the length of a text in the unit of the document's bounds */
export function lengthOf({ lengthIn }: Param, text: string): number {
  const characters = Array.from(text)
  return lengthIn === undefined
    ? characters.length
    : characters.reduce((sum, character) => sum + (/^[\u0020-\u007e]$/.test(character) ? 1 : 2), 0)
}

function isAlphanumeric(text: string): boolean {
  return /^[a-z0-9]+$/i.test(text)
}

/** An impossible date is not a time. */
function isDateTime(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text) && chinaTime(text) !== undefined
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  const most = { 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most
}
