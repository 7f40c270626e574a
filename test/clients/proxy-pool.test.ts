/** Crawlers written for jhao104/proxy_pool: their own code, with one address changed. */
import { expect, it, onTestFinished } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { FakeUpstream } from '../support/upstream.ts'
import { startGateway } from './support/gateway-process.ts'
import { python } from './support/python.ts'

/** What URLs and queries give a meaning to. */
const LOGIN = { username: 'user&name=1', password: 'p@ss#w/rd+100%' }
const PAGES = 12

/**
 * The example of the README of jhao104/proxy_pool (read 2026-11-29), without its comments. The address of the pool and that of the
 * page are replaced below.
 */
const README = `
import requests

def get_proxy():
    return requests.get("http://127.0.0.1:5010/get/").json()

def delete_proxy(proxy):
    requests.get("http://127.0.0.1:5010/delete/?proxy={}".format(proxy))

def getHtml():
    retry_count = 5
    proxy = get_proxy().get("proxy")
    while retry_count > 0:
        try:
            html = requests.get('http://www.example.com', proxies={"http": "http://{}".format(proxy)})
            return html
        except Exception:
            retry_count -= 1
    delete_proxy(proxy)
    return None
`

/** Two addresses, of which the first breaks every connection; the pool of the crawler is the admin port. */
async function start() {
  const port = await freePort()
  const upstreams = [new FakeUpstream({ login: LOGIN }), new FakeUpstream({ login: LOGIN })]
  for (const [n, upstream] of upstreams.entries()) await upstream.listen(`127.0.0.${n + 2}`)
  onTestFinished(async () => void (await Promise.all(upstreams.map((upstream) => upstream.close()))))
  const list = upstreams.map((upstream) => upstream.url())
  const { world } = await startGateway({
    ...{ upstreams: 1, secrets: [LOGIN] },
    config: {
      admin: { port },
      providers: [{ name: 'own', vendor: 'static', allowPrivate: true, list }],
      pool: { floor: 2, ceiling: 2 },
    },
  })
  const [bad, good] = upstreams
  await bad?.behave('reset-at-once')
  if (good !== undefined) good.names['www.example.com'] = [world.site.host, world.site.port]
  return { code: README.replaceAll('127.0.0.1:5010', `127.0.0.1:${port}`), page: `peer ${good?.host}\n` }
}

it('the code of the README reads pages, and removes the address that does not work', async () => {
  const { code, page } = await start()
  const script = `${code}
pages = [getHtml() for _ in range(args['pages'])]
print(json.dumps([page and page.text for page in pages]))
`
  const pages = (await python(script, { pages: PAGES })) as (string | null)[]
  // One page is lost to it: from then on it rests.
  expect(pages.filter((text) => text === null)).toEqual([null])
  expect(pages.filter((text) => text === page).length).toBe(PAGES - 1)
})

it('Scrapy with a middleware that asks it for every request crawls every page', async () => {
  const { code, page } = await start()
  const script = `${code}
import scrapy
from scrapy.crawler import CrawlerProcess
deleted, texts = [], []
class ProxyMiddleware:
    def process_request(self, request, spider):
        request.meta['pool'] = get_proxy()['proxy']
        request.meta['proxy'] = 'http://' + request.meta['pool']
    def process_exception(self, request, exception, spider):
        deleted.append(request.meta['pool'])
        delete_proxy(request.meta['pool'])
        return request.replace(dont_filter=True)
class Spider(scrapy.Spider):
    name = 'pages'
    start_urls = ['http://www.example.com/?page=%d' % n for n in range(args['pages'])]
    def parse(self, response):
        texts.append(response.text)
process = CrawlerProcess({
    'LOG_ENABLED': False, 'RETRY_ENABLED': False, 'TELNETCONSOLE_ENABLED': False,
    'DOWNLOADER_MIDDLEWARES': {ProxyMiddleware: 700},
})
process.crawl(Spider)
process.start()
print(json.dumps([texts, len(set(deleted))]))
`
  const [texts, deleted] = (await python(script, { pages: PAGES })) as [string[], number]
  expect(texts).toEqual(Array<string>(PAGES).fill(page))
  expect(deleted).toBe(1)
})
