/** Every refusal of the gateway reaches the words that a Python program shows: the code, for a tunnel and for plain HTTP. */
import { expect, it } from 'vitest'
import { startGateway } from './support/gateway-process.ts'
import { python } from './support/python.ts'

const login = { username: 'crawler', password: 'right-password' }
const users = [{ name: login.username, password: login.password }]

/** User names, targets, and the code that each leads to. */
const refusals: readonly (readonly [code: string, userName: string, host: string])[] = [
  ['GW_LOGIN_REQUIRED', 'unknown', 'secure.test'],
  ['GW_BAD_OPTION', 'crawler-strict-perhaps', 'secure.test'],
  ['GW_NO_MATCH', 'crawler-country-jp', 'secure.test'],
  ['GW_UPSTREAM_REFUSED', 'crawler', 'refused.test'],
  ['GW_BAD_OPTION', 'crawler-provider-none', 'secure.test'],
]

/** Each reads `args['url']` through `args['proxy']` and prints all that the program lets its user see. */
const scripts = {
  requests: `
import requests
session = requests.Session()
session.trust_env = False
try:
    answer = session.get(args['url'], proxies={'http': args['proxy'], 'https': args['proxy']})
    print(json.dumps(answer.reason + answer.text))
except requests.RequestException as error:
    print(json.dumps(str(error)))
`,
  httpx: `
import httpx
try:
    with httpx.Client(proxies=args['proxy'], trust_env=False) as client:
        answer = client.get(args['url'])
        print(json.dumps(answer.reason_phrase + answer.text))
except httpx.HTTPError as error:
    print(json.dumps(str(error)))
`,
  aiohttp: `
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(args['url'], proxy=args['proxy']) as answer:
                return answer.reason + await answer.text()
        except aiohttp.ClientError as error:
            return str(error)
print(json.dumps(asyncio.run(main())))
`,
  scrapy: `
import scrapy, logging
from scrapy.crawler import CrawlerProcess
seen = []
class Spider(scrapy.Spider):
    name = 'one'
    handle_httpstatus_all = True
    def start_requests(self):
        yield scrapy.Request(args['url'], self.parse, errback=self.failed, meta={'proxy': args['proxy'], 'handle_httpstatus_all': True})
    def parse(self, response):
        seen.append(response.text)
    def failed(self, failure):
        seen.append(str(failure.value))
process = CrawlerProcess({'LOG_ENABLED': False, 'RETRY_ENABLED': False, 'TELNETCONSOLE_ENABLED': False})
process.crawl(Spider)
process.start()
print(json.dumps(' '.join(seen)))
`,
} as const

it.each(Object.entries(scripts))('Python %s shows the code of every refusal', async (_name, script) => {
  const { url, world } = await startGateway({ upstreams: 1, listen: { users }, secrets: [login] })
  await world.upstreams[0]?.behave({ kind: 'status', status: 403 })
  for (const [code, username, host] of refusals) {
    const proxy = url('http', { username, password: login.password })
    for (const scheme of code === 'GW_UPSTREAM_REFUSED' ? ['https'] : ['https', 'http'])
      expect(await python(script, { proxy, url: `${scheme}://${host}/` })).toContain(code)
  }
})
