/**
 * Requests that two servers could read differently (RFC 9112 section 11.2), each with another request hidden in it, and BEHIND, an innocent
 * one that comes behind.
 */

export const HIDDEN = 'GET http://hidden.test/ HTTP/1.1\r\nHost: hidden.test\r\n\r\n'
const CHUNKED = `0\r\n\r\n${HIDDEN}`

/** A POST with these header lines, and what follows the empty line. */
export const post = (headers: string, body = CHUNKED, version = 'HTTP/1.1') =>
  `POST http://site.test/echo ${version}\r\nHost: site.test\r\n${headers}\r\n\r\n${body}`
export const get = (line: string, headers = 'Host: site.test') => `${line}\r\n${headers}\r\n\r\n`
export const CL = 'Content-Length: 4'
export const TE = 'Transfer-Encoding: chunked'
export const lengthOf = (body: string) => `Content-Length: ${body.length}`

/** What must be refused, and the connection closed. */
export const refused: Record<string, string> = {
  'CL and TE': post(`${CL}\r\n${TE}`),
  'TE and CL': post(`${TE}\r\n${CL}`),
  'CL 0 and TE': post(`Content-Length: 0\r\n${TE}`),
  'TE twice': post(`${TE}\r\n${TE}`),
  'TE twice, differing': post(`${TE}\r\nTransfer-Encoding: identity`),
  'TE identity': post(`Transfer-Encoding: identity\r\n${lengthOf(CHUNKED)}`),
  'TE xchunked': post(`Transfer-Encoding: xchunked\r\n${lengthOf(CHUNKED)}`),
  'TE list': post('Transfer-Encoding: gzip, chunked'),
  'TE list, reversed': post('Transfer-Encoding: chunked, gzip'),
  'TE with a comma': post('Transfer-Encoding: chunked,'),
  'TE in quotes': post('Transfer-Encoding: "chunked"'),
  'TE with a parameter': post('Transfer-Encoding: chunked;x=y'),
  'TE with a vertical tab': post('Transfer-Encoding:\x0bchunked'),
  'TE with a space before the colon': post(`Transfer-Encoding : chunked\r\n${lengthOf(CHUNKED)}`),
  'TE with a NUL': post('Transfer-Encoding: chunked\x00'),
  'TE folded': post(`Transfer-Encoding:\r\n chunked\r\n${lengthOf(CHUNKED)}`),
  'TE empty': post(`Transfer-Encoding:\r\n${lengthOf(CHUNKED)}`),
  'TE behind a bare LF': post(`X: y\nTransfer-Encoding: chunked\r\n${lengthOf(CHUNKED)}`),
  'TE behind a bare CR': post(`X: y\rTransfer-Encoding: chunked\r\n${lengthOf(CHUNKED)}`),
  'TE in HTTP/1.0': post(TE, CHUNKED, 'HTTP/1.0'),
  'CL twice, differing': post(`${CL}\r\nContent-Length: 5`),
  'CL twice, equal': post(`${CL}\r\n${CL}`, `test${HIDDEN}`),
  'CL list': post('Content-Length: 4, 4', `test${HIDDEN}`),
  'CL with a plus': post('Content-Length: +4', `test${HIDDEN}`),
  'CL negative': post('Content-Length: -4', HIDDEN),
  'CL hexadecimal': post('Content-Length: 0x4', `test${HIDDEN}`),
  'CL with a space inside': post('Content-Length: 4 4', `test${HIDDEN}`),
  'CL with a tail': post('Content-Length: 4;', `test${HIDDEN}`),
  'CL empty': post('Content-Length:', HIDDEN),
  'CL too large for anybody': post('Content-Length: 99999999999999999999999', `test${HIDDEN}`),
  'CL with a space before the colon': post('Content-Length : 4', `test${HIDDEN}`),
  'a folded header': post(`X: y\r\n folded\r\n${CL}`, `test${HIDDEN}`),
  'a space before the first header': `POST http://site.test/ HTTP/1.1\r\n ${CL}\r\nHost: site.test\r\n\r\ntest`,
  'a header without a colon': post(`Nothing\r\n${CL}`, `test${HIDDEN}`),
  'a header without a name': post(`: value\r\n${CL}`, `test${HIDDEN}`),
  'a NUL in a header': post(`X: a\x00b\r\n${CL}`, `test${HIDDEN}`),
  'two Hosts': get('GET http://site.test/ HTTP/1.1', 'Host: site.test\r\nHost: hidden.test'),
  'no Host': get('GET http://site.test/ HTTP/1.1', 'X: y'),
  'a space in the URL': get('GET http://site.test/a b HTTP/1.1'),
  'a tab for a space': get('GET\thttp://site.test/\tHTTP/1.1'),
  'HTTP/1.2': get('GET http://site.test/ HTTP/1.2'),
  'HTTP/0.9': 'GET http://site.test/\r\n\r\n',
  'lines that end in LF': 'GET http://site.test/ HTTP/1.1\nHost: site.test\n\n',
  'a user in the URL': get('GET http://site.test@hidden.test/ HTTP/1.1'),
  'a backslash in the URL': get('GET http://site.test\\@hidden.test/ HTTP/1.1'),
}

/** Bodies that are refused in the middle: the request was on its way, its end must not become another request. */
export const brokenBodies: Record<string, string> = {
  'a chunk size with 0x': '0x4\r\ntest\r\n0\r\n\r\n',
  'a negative chunk size': '-4\r\ntest\r\n0\r\n\r\n',
  'a chunk size with a plus': '+4\r\ntest\r\n0\r\n\r\n',
  'a chunk size too large for anybody': 'fffffffffffffffff4\r\ntest\r\n0\r\n\r\n',
  'a chunk size that ends in LF': `4\ntest\r\n${CHUNKED}`,
  'a chunk that ends in LF': `4\r\ntest\n${CHUNKED}`,
  'a chunk without an end': `4\r\ntest${CHUNKED}`,
  'a chunk longer than it says': `2\r\ntest\r\n${CHUNKED}`,
  'a chunk size with a space in front': ` 4\r\ntest\r\n${CHUNKED}`,
  'a chunk extension with LF': `4;a\nb\r\ntest\r\n${CHUNKED}`,
  'an empty chunk size': `\r\ntest\r\n${CHUNKED}`,
  'trailers that look like framing': `4\r\ntest\r\n0\r\n${CL}\r\nTransfer-Encoding: x\r\n\r\n`,
  'trailers that end in LF': `0\r\nX: y\n\n${HIDDEN}`,
}

/** What is odd, but has one meaning: forwarded so that nobody can doubt it. */
export const forwarded: Record<string, [request: string, body: string]> = {
  'TE in capitals': [post('TRANSFER-ENCODING: CHUNKED', '4\r\ntest\r\n0\r\n\r\n'), 'test'],
  'a chunk extension': [post(TE, '4;name=value\r\ntest\r\n0\r\n\r\n'), 'test'],
  'chunk sizes with zeros': [post(TE, '0004\r\ntest\r\n000\r\n\r\n'), 'test'],
  'CL with zeros': [post('Content-Length: 0004', 'test'), 'test'],
  trailers: [post(TE, '4\r\ntest\r\n0\r\nX-Sum: 1\r\nHost: hidden.test\r\n\r\n'), 'test'],
  'a body that looks like a request': [post(lengthOf(HIDDEN), HIDDEN), HIDDEN],
  'chunks that look like requests': [post(TE, `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`), HIDDEN],
  'a GET with a body': [
    get('GET http://site.test/echo HTTP/1.1', `Host: site.test\r\n${lengthOf(HIDDEN)}`) + HIDDEN,
    HIDDEN,
  ],
  'a Connection that names the framing': [
    post(`Connection: Transfer-Encoding, Content-Length\r\n${CL}`, 'test'),
    'test',
  ],
  'a Connection that names the chunks': [
    post(`Connection: Transfer-Encoding\r\n${TE}`, '4\r\ntest\r\n0\r\n\r\n'),
    'test',
  ],
  'another Host': [`${get('POST http://site.test/echo HTTP/1.1', `Host: hidden.test\r\n${CL}`)}test`, 'test'],
  'empty lines in front': [`\r\n\r\n${post(CL, 'test')}`, 'test'],
  'CL in HTTP/1.0': [post(CL, 'test', 'HTTP/1.0'), 'test'],
}

export const BEHIND = get('GET http://site.test/behind HTTP/1.1', 'Host: site.test\r\nConnection: close')
