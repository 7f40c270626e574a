/** The head of an upstream's answer on the short way, read strictly: what has two meanings is no answer. */

import { reasonPhrase } from '../downstream/error-reply.ts'
import { readPassing } from './fields.ts'

export interface QuickAnswer {
  readonly status: number
  readonly reason: string
  /** Field lines for the client, each with its CRLF. */
  readonly lines: string
  /** Length of the body in octets, or how its end is told. */
  readonly body: number | 'chunked' | 'until-close'
  /** How the client is told where the body ends; `none`: there cannot be one. */
  readonly framing: 'none' | 'length' | 'chunked'
  /** The upstream closes its connection behind this answer. */
  readonly isLast: boolean
}

// A first digit of 0 is no status. The reason may be missing, and then often its space too.
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/
const LENGTH = /^\d{1,15}$/
const CLOSES = /(^|,)[ \t]*close[ \t]*(,|$)/i

/**
 * @param head latin1, up to and including the empty line
 * @param method of the request: an answer to HEAD has no body
 * @returns undefined when it is not exactly an answer
 */
export function readAnswer(head: string, method: string): QuickAnswer | undefined {
  const parts = STATUS_LINE.exec(head)
  if (parts === null) return undefined
  const header = readPassing(head, parts[0].length, false)
  if (header === undefined) return undefined
  const { lines, own } = header
  const status = Number(parts[2])
  const mayHaveBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
  const body = bodyOf(own)
  if (body === undefined) return undefined
  return {
    status,
    reason: parts[3] || reasonPhrase(status),
    lines,
    body: mayHaveBody ? body : 0,
    framing: mayHaveBody ? framingOf(own) : 'none',
    isLast: parts[1] === '0' || (mayHaveBody && body === 'until-close') || CLOSES.test(own.get('connection') ?? ''),
  }
}

/** RFC 9112 section 6.3; undefined when the length is told in two ways, or in none that is understood. */
function bodyOf(own: ReadonlyMap<string, string>): QuickAnswer['body'] | undefined {
  const coding = own.get('transfer-encoding')
  const length = own.get('content-length')
  if (coding !== undefined) return length === undefined && coding.toLowerCase() === 'chunked' ? 'chunked' : undefined
  if (length === undefined) return 'until-close'
  return LENGTH.test(length) ? Number(length) : undefined
}

/** A length that Connection names is not for the client: the body is framed anew. */
function framingOf(own: ReadonlyMap<string, string>): 'length' | 'chunked' {
  const isNamed = own.get('connection')?.toLowerCase().includes('content-length') ?? false
  return own.has('content-length') && !isNamed ? 'length' : 'chunked'
}
