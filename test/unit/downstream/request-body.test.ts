/** The body of a request while no upstream takes it. */
import { expect, it } from 'vitest'
import { RequestBody } from '../../../src/downstream/request-body.ts'
import { parseRequestHeader } from '../../../src/http1/request-head.ts'

const LIMIT = 16_384
const HEADER = parseRequestHeader('Host: a.test\r\nTransfer-Encoding: chunked\r\n\r\n', 0)
const sink = { bodyData: () => true, bodyEnd() {} }

it('an upstream that failed may have read the beginning of a chunk: the rest is judged from there', () => {
  const text = '0005;x=y\r\n0\r\n\r\n\r\n0\r\nX: y\r\n\r\n'
  for (let read = 0; read <= text.indexOf('\n'); read++) {
    const body = new RequestBody(LIMIT)
    body.start(HEADER)
    body.open(sink)
    body.read(Buffer.from(text.slice(0, read + 1)))
    body.leave(sink)
    const rests = [text, text.slice(0, -1), text.replace('\r\nX', 'X')].map((sent) =>
      body.restIn(Buffer.from(sent.slice(read + 1))),
    )
    expect([read, ...rests]).toEqual([read, 'whole', 'partial', 'broken'])
    // To judge it reads nothing of it.
    body.open(sink)
    expect(body.read(Buffer.from(text.slice(read + 1)))).toBe(text.length - read - 1)
    expect([body.isWhole, body.hasBegun]).toEqual([true, true])
  }
})
