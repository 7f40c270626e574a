/** Response heads (RFC 9112 sections 4 to 6), parsed strictly: an ambiguous head is invalid. */
import type { BodyFraming } from './body.ts'
import {
  hasConnectionOption,
  parseContentLength,
  parseFieldSection,
  withoutFields,
  withoutSpacedNames,
} from './fields.ts'

export interface ResponseHead {
  readonly status: number
  /** Empty when the upstream sends none. */
  readonly reason: string
  /** Field lines for the client, each with its CRLF; including Content-Length if it is for the client. */
  readonly lines: string
  readonly body: BodyFraming
  /** Whether `lines` include the length of the body. */
  readonly hasLength: boolean
  /** Whether `lines` include a Date. */
  readonly hasDate: boolean
  /** Whether a body may follow: not for HEAD, nor with 1xx, 204 and 304. */
  readonly mayHaveBody: boolean
  /** Names of fields that are for this hop alone: they are not forwarded from the trailer either. */
  readonly named: ReadonlySet<string>
  /** Value of Upgrade. */
  readonly upgrade: string | undefined
  /** The upstream closes its connection after this answer; or it announces a body where none may follow, and may send it. */
  readonly isLast: boolean
}

// A first digit of 0 is not a status. The reason may be missing, often together with its space.
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/

/**
 * @param head latin1, up to and including the empty line
 * @param method of the request: an answer to HEAD has no body
 * @returns undefined when it is not a valid response head
 */
export function parseResponseHead(head: string, method: string): ResponseHead | undefined {
  const parts = STATUS_LINE.exec(head)
  if (parts === null) return undefined
  const start = parts[0].length
  const section = parseFieldSection(head, start) ?? parseFieldSection(withoutSpacedNames(head), start)
  if (section === undefined) return undefined
  const { own, named } = section
  const status = Number(parts[2])
  const lengthText = own.get('content-length')
  const octets = lengthText === undefined ? undefined : parseContentLength(lengthText)
  const framing = framingOf(own, octets)
  if (framing === undefined) return undefined
  const mayHaveBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
  const body = mayHaveBody ? framing : 0
  const isForwarded = mayHaveLength(status) && !hasConnectionOption(own, 'content-length')
  const length = isForwarded ? octets : undefined
  const isPadded = lengthText !== undefined && lengthText.length > 1 && lengthText.startsWith('0')
  return {
    status,
    reason: parts[3] ?? '',
    lines: length === octets && !isPadded ? section.lines : withLength(section.lines, length),
    body,
    hasLength: length !== undefined,
    hasDate: own.has('date') && !hasConnectionOption(own, 'date'),
    mayHaveBody,
    named,
    upgrade: own.get('upgrade'),
    isLast:
      parts[1] === '0' ||
      body === 'until-close' ||
      hasConnectionOption(own, 'close') ||
      (status === 204 && framing !== 'until-close' && framing !== 0),
  }
}

/**
 * RFC 9112 section 6.3; undefined when the length is given in two ways, or in an unknown way.
 * @param octets Content-Length as a number; undefined also when it is none
 */
function framingOf(own: ReadonlyMap<string, string>, octets: number | undefined): BodyFraming | undefined {
  const coding = own.get('transfer-encoding')
  const hasLength = own.has('content-length')
  if (coding !== undefined) return !hasLength && coding.toLowerCase() === 'chunked' ? 'chunked' : undefined
  return hasLength ? octets : 'until-close'
}

function withLength(lines: string, length: number | undefined): string {
  const others = withoutFields(lines, CONTENT_LENGTH)
  return length === undefined ? others : `${others}Content-Length: ${length}\r\n`
}

const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/** RFC 9110 section 8.6. One that Connection names is not forwarded either: the body gets a new framing. */
function mayHaveLength(status: number): boolean {
  return status >= 200 && status !== 204
}
