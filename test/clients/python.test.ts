import { describe, expect, it } from 'vitest'
import { pattern } from '../support/pattern.ts'
import { sha256 } from '../support/site-routes.ts'
import { caFile } from './support/files.ts'
import { startGateway } from './support/gateway-process.ts'
import { python } from './support/python.ts'

const login = { username: 'crawler', password: 'p@ss:w/rd 100%' }
const users = [{ name: login.username, password: login.password }]

describe.each(['http', 'socks5h'])('Python requests over %s', (scheme) => {
  it('reads http and https, keeps a connection, sends and gets large bodies', async () => {
    const { url, world } = await startGateway({ upstreams: 1, listen: { users }, secrets: [login] })
    const whole = pattern(5 * 1024 * 1024)
    const script = `
import hashlib, requests
with requests.Session() as session:
    session.trust_env = False
    session.proxies = {'http': args['proxy'], 'https': args['proxy']}
    session.verify = args['ca']
    plain = [session.get('http://site.test/').text for _ in range(3)]
    secure = [session.get('https://secure.test/').text for _ in range(3)]
    big = session.get('http://site.test/bytes/%d' % args['bytes']).content
    sent = session.post('http://site.test/digest', data=big).json()
    streamed = session.post('https://secure.test/digest', data=(big[i:i + 65536] for i in range(0, len(big), 65536))).json()
print(json.dumps([plain, secure, hashlib.sha256(big).hexdigest(), sent['sha256'], streamed['sha256']]))
`
    const answer = await python(script, { proxy: url(scheme, login), ca: caFile(), bytes: whole.length })
    const peers = Array<string>(3).fill(`peer ${world.upstreams[0]?.host}\n`)
    expect(answer).toEqual([peers, peers, sha256(whole), sha256(whole), sha256(whole)])
    expect(world.secureSite.connections.length).toBe(1)
  })

  it('keeps its upstream in a session of the user name', async () => {
    const { url, world } = await startGateway({ listen: { users }, secrets: [login] })
    const script = `
import requests
def get(proxy):
    return requests.get('http://site.test/', proxies={'http': proxy}).text
print(json.dumps([sorted(set(get(proxy) for _ in range(3))) for proxy in args['proxies']]))
`
    const session = url(scheme, { ...login, username: 'crawler-session-py' })
    const answer = await python(script, { proxies: [session, url(scheme, login)] })
    const all = world.upstreams.map(({ host }) => `peer ${host}\n`)
    expect(answer).toEqual([[expect.stringMatching(/^peer /)], all])
  })
})

describe('Python aiohttp', () => {
  const imports = `
import aiohttp, asyncio, hashlib, ssl
async def read(session, url, **more):
    async with session.get(url, proxy=args['proxy'], **more) as response:
        return [response.status, await response.text()]
`

  it('reads http and https, many at a time, with a login in the URL', async () => {
    const { url, world } = await startGateway({ listen: { users }, secrets: [login] })
    const script = `${imports}
async def main():
    context = ssl.create_default_context(cafile=args['ca'])
    async with aiohttp.ClientSession() as session:
        plain = await asyncio.gather(*[read(session, 'http://site.test/') for _ in range(30)])
        secure = await asyncio.gather(*[read(session, 'https://secure.test/', ssl=context) for _ in range(30)])
        async with session.get('http://site.test/bytes/5000000', proxy=args['proxy']) as response:
            big = hashlib.sha256(await response.read()).hexdigest()
        async with session.post('http://site.test/echo', proxy=args['proxy'], data='some words') as response:
            return [plain, secure, big, await response.text()]
print(json.dumps(asyncio.run(main())))
`
    const answer = await python(script, { proxy: url('http', login), ca: caFile() })
    const fromSome = [200, expect.stringMatching(/^peer 127/)]
    const thirty = Array(30).fill(fromSome)
    expect(answer).toEqual([thirty, thirty, sha256(pattern(5_000_000)), 'some words'])
    expect(world.upstreams.every(({ requests }) => requests.length > 0)).toBe(true)
  })

  it('logs in by proxy_auth, and is told when it may not', async () => {
    const { url } = await startGateway({ listen: { users }, secrets: [login] })
    const script = `${imports}
async def main():
    async with aiohttp.ClientSession() as session:
        allowed = await read(session, 'http://site.test/', proxy_auth=aiohttp.BasicAuth(*args['login']))
        refused, _ = await read(session, 'http://site.test/')
        try:
            await read(session, 'https://secure.test/')
        except aiohttp.ClientHttpProxyError as error:
            return [allowed, refused, error.status]
print(json.dumps(asyncio.run(main())))
`
    const answer = await python(script, { proxy: url(), login: ['crawler-session-aio', login.password] })
    expect(answer).toEqual([[200, expect.stringMatching(/^peer /)], 407, 407])
  })
})
