/** OPTIONS and TRACE that must not be forwarded (RFC 9110 section 7.6.2): the gateway answers as the final recipient. */
import type { HttpRequest } from '../proxy/http-contract.ts'

/** RFC 9110 section 9.3.8: sensitive fields are not reflected. */
const SECRET_FIELDS = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * @param head of the request as received, latin1
 */
export function answerAsRecipient(request: HttpRequest, head: string): void {
  const isTrace = request.head.method === 'TRACE'
  const body = isTrace ? Buffer.from(reflected(head), 'latin1') : Buffer.alloc(0)
  const lines = isTrace
    ? 'Content-Type: message/http\r\n'
    : 'Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, CONNECT\r\n'
  request.answer(200, 'OK', lines, body)
}

function reflected(head: string): string {
  const nameOf = (line: string) => line.slice(0, line.indexOf(':')).toLowerCase()
  const lines = head.split(/(?<=\r\n)/)
  return lines.filter((line, at) => at === 0 || !SECRET_FIELDS.has(nameOf(line))).join('')
}
