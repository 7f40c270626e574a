/** Every refusal of the gateway reaches the words that a Python program shows: the code, for a tunnel and for plain HTTP. */
import { expect, it } from 'vitest'
import { httpErrorBytes } from '../../src/downstream/error-reply.ts'
import { catalogue, type ErrorCode, GatewayError } from '../../src/errors.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { SocketReader } from '../support/socket-io.ts'
import { startGateway } from './support/gateway-process.ts'
import { python } from './support/python.ts'

const login = { username: 'crawler', password: 'right-password' }
const users = [{ name: login.username, password: login.password }]

/** User names, targets, and the code that each leads to. */
const refusals: readonly (readonly [code: ErrorCode, userName: string, host: string])[] = [
  ['GW_LOGIN_REQUIRED', 'unknown', 'secure.test'],
  ['GW_BAD_OPTION', 'crawler-strict-perhaps', 'secure.test'],
  ['GW_NO_MATCH', 'crawler-country-jp', 'secure.test'],
  ['GW_UPSTREAM_REFUSED', 'crawler', 'refused.test'],
  ['GW_BAD_OPTION', 'crawler-provider-none', 'secure.test'],
]

const codes = Object.keys(catalogue) as ErrorCode[]
const hostOf = (code: ErrorCode) => `${code.toLowerCase().replaceAll('_', '-')}.test`

/** Refuses every request, with the octets that the gateway writes for the code that the host names. */
function startRefusing(): Promise<LoopbackServer> {
  return new LoopbackServer(async (socket) => {
    const head = await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
    const code = codes.find((each) => head.toString('latin1').includes(hostOf(each))) ?? expect.fail('no code')
    socket.end(httpErrorBytes(new GatewayError(code, 'a reason'), 'Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n'))
  }).listen()
}

/** Each reads all URLs of `args['visits']` through the proxy beside each, and prints what the program lets its user see. */
const scripts = {
  requests: `
import requests
session = requests.Session()
session.trust_env = False
def seen(proxy, url):
    try:
        answer = session.get(url, proxies={'http': proxy, 'https': proxy})
        return answer.reason + answer.text
    except requests.RequestException as error:
        return str(error)
print(json.dumps([seen(*visit) for visit in args['visits']]))
`,
  httpx: `
import httpx
def seen(proxy, url):
    try:
        with httpx.Client(proxies=proxy, trust_env=False, verify=False) as client:
            answer = client.get(url)
            return answer.reason_phrase + answer.text
    except httpx.HTTPError as error:
        return str(error)
print(json.dumps([seen(*visit) for visit in args['visits']]))
`,
  aiohttp: `
import aiohttp, asyncio
async def seen(session, proxy, url):
    try:
        async with session.get(url, proxy=proxy) as answer:
            return answer.reason + await answer.text()
    except aiohttp.ClientError as error:
        return str(error)
async def main():
    async with aiohttp.ClientSession() as session:
        return [await seen(session, *visit) for visit in args['visits']]
print(json.dumps(asyncio.run(main())))
`,
  scrapy: `
import scrapy, logging
from scrapy.crawler import CrawlerProcess
seen = {}
class Spider(scrapy.Spider):
    name = 'one'
    def start_requests(self):
        for n, (proxy, url) in enumerate(args['visits']):
            meta = {'proxy': proxy, 'handle_httpstatus_all': True, 'n': n}
            yield scrapy.Request(url, self.parse, errback=self.failed, meta=meta, dont_filter=True)
    def parse(self, response):
        seen[response.meta['n']] = response.text
    def failed(self, failure):
        seen[failure.request.meta['n']] = str(failure.value)
process = CrawlerProcess({'LOG_ENABLED': False, 'RETRY_ENABLED': False, 'TELNETCONSOLE_ENABLED': False})
process.crawl(Spider)
process.start()
print(json.dumps([seen.get(n) for n in range(len(args['visits']))]))
`,
} as const

it.each(Object.entries(scripts))('Python %s shows the code of every refusal', async (_name, script) => {
  const { url, world } = await startGateway({ upstreams: 1, listen: { users }, secrets: [login] })
  await world.upstreams[0]?.behave({ kind: 'status', status: 403 })
  const refusing = await startRefusing()
  const visits = [
    ...refusals.flatMap(([code, username, host]) => {
      const proxy = url('http', { username, password: login.password })
      // Of plain HTTP the upstream's own answer is passed on.
      const schemes = code === 'GW_UPSTREAM_REFUSED' ? ['https'] : ['https', 'http']
      return schemes.map((scheme) => ({ code, visit: [proxy, `${scheme}://${host}/`] }))
    }),
    ...codes.flatMap((code) =>
      ['https', 'http'].map((scheme) => ({
        code,
        visit: [`http://${refusing.authority}`, `${scheme}://${hostOf(code)}/`],
      })),
    ),
  ]
  const shown = await python(script, { visits: visits.map(({ visit }) => visit) })
  expect(shown).toEqual(visits.map(({ code }) => expect.stringContaining(code)))
})
