import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { answerWhoami } from '../../../src/demo/whoami.ts'

const who = {
  host: '127.8.0.7',
  port: 4321,
  place: { country: 'JP', area: 'Kanto', city: 'Tokyo', isp: 'Sakurabit' },
  secondsLeft: () => 87,
}

function asked(
  method: string,
  url: string,
  headers: Record<string, string> = {},
  body: readonly string[] = [],
): IncomingMessage {
  const rawHeaders = Object.entries(headers).flat()
  const chunks = body.map((chunk) => Buffer.from(chunk))
  return Object.assign(Readable.from(chunks), { method, url, headers, rawHeaders }) as unknown as IncomingMessage
}

describe('whoami.demo', () => {
  it('says in two short lines which upstream carried what', async () => {
    const { statusCode, headers, body } = await answerWhoami(
      asked('GET', 'http://whoami.demo/a?b=c', { host: 'whoami.demo' }),
      who,
    )
    expect(statusCode).toBe(200)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(body).toBe(
      'upstream 127.8.0.7:4321, Tokyo, Kanto, JP, Sakurabit, 87 s left\n' + //
        'request  GET /a?b=c, 1 headers\n',
    )
  })

  it('says the same as JSON when the client accepts JSON', async () => {
    const request = asked('POST', '/', { accept: 'text/html, application/json', 'content-length': '5' }, ['he', 'llo'])
    const { headers, body } = await answerWhoami(request, who)
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(body)).toEqual({
      upstream: {
        address: '127.8.0.7:4321',
        country: 'JP',
        area: 'Kanto',
        city: 'Tokyo',
        isp: 'Sakurabit',
        secondsLeft: 87,
      },
      request: { method: 'POST', path: '/', headers: 2, bodyBytes: 5 },
    })
  })

  it.each([
    ['http://whoami.demo', '/'],
    ['http://whoami.demo?x=1', '/?x=1'],
    ['http://whoami.demo:80/x', '/x'],
    ['/already/a/path', '/already/a/path'],
  ])('tells the path of %s', async (target, path) => {
    const { body } = await answerWhoami(asked('GET', target, { accept: 'application/json' }), who)
    expect(JSON.parse(body)).toMatchObject({ request: { path } })
  })

  it('does not count the headers that are meant for the proxy', async () => {
    const headers = { host: 'whoami.demo', 'Proxy-Authorization': 'Basic eDp5', 'proxy-connection': 'keep-alive' }
    expect((await answerWhoami(asked('GET', '/', headers), who)).body).toContain('GET /, 1 headers\n')
  })

  it('tells what came of a body whose client left in the middle', async () => {
    const request = asked('POST', '/', {}, ['abc', 'def'])
    request.once('data', () => queueMicrotask(() => request.destroy(new Error('aborted'))))
    expect((await answerWhoami(request, who)).body).toMatch(/POST \/, 0 headers, a body of [36] bytes\n/)
  })
})
