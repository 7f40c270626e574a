/** One address as the demo vendor sells it: a real HTTP proxy on loopback, with its own login, until its deadline. */
import { randomBytes } from 'node:crypto'
import { type PrepareRequestFunction, type PrepareRequestFunctionOpts, RequestError, Server } from 'proxy-chain'
import type { Clock } from '../clock.ts'
import { Secret } from '../secret.ts'
import { fetchForReal, type Reach } from './fetching.ts'
import type { Place } from './places.ts'
import { answerWhoami, type Identity, WHOAMI_HOST, WHOAMI_PORT, whoamiServer } from './whoami.ts'

interface UpstreamOptions {
  /** Loopback address to listen on; the port is the system's choice. */
  readonly host: string
  readonly place: Place
  /** Clock time at which it ends, ms. The caller ends it: the upstream itself has no timer. */
  readonly expiresAt: number
  /** Which targets other than whoami.demo it connects to; undefined: none. */
  readonly reach: Reach | undefined
}

export interface DemoUpstream {
  readonly host: string
  readonly port: number
  readonly place: Place
  readonly username: string
  readonly password: Secret
  /** Clock time, ms. */
  readonly expiresAt: number
  /** Stops listening and drops every open connection; resolves when all of them are gone. Call once. */
  close(): Promise<void>
}

/** Starts a proxy. Rejects with the system's error when the address cannot be listened on. */
export async function openUpstream(
  { host, place, expiresAt, reach }: UpstreamOptions,
  clock: Clock,
): Promise<DemoUpstream> {
  const username = `demo-${randomBytes(3).toString('hex')}`
  const password = new Secret(randomBytes(12).toString('hex'))
  const admits = (user: string, pass: string) => user === username && pass === password.reveal()
  const who: Identity = {
    host,
    place,
    secondsLeft: () => Math.max(0, Math.floor((expiresAt - clock.now()) / 1000)),
    get port() {
      return server.port // the system's choice, known once the server listens
    },
  }
  const prepareRequestFunction = handlerFor(who, { admits, reach, clock })
  const server = new Server({ host, port: 0, authRealm: 'Turnpike demo vendor', prepareRequestFunction })
  await server.listen()
  server.server.keepAliveTimeout = 0 // node's default of 5 s would close idle connections while a client is about to use them
  return { host, port: server.port, place, username, password, expiresAt, close: () => server.close(true) }
}

interface Rules {
  readonly admits: (username: string, password: string) => boolean
  readonly reach: Reach | undefined
  readonly clock: Clock
}

function handlerFor(who: Identity, { admits, reach, clock }: Rules): PrepareRequestFunction {
  const tunnelled = whoamiServer(who)
  return ({ request, username, password, hostname, port, isHttp }: PrepareRequestFunctionOpts) => {
    if (!admits(username, password)) {
      return { requestAuthentication: true, failMsg: 'This upstream demands its own user name and password.\n' }
    }
    const name = hostname.toLowerCase().replace(/\.$/, '')
    if (name === WHOAMI_HOST && port === WHOAMI_PORT) {
      return isHttp ? { customResponseFunction: () => answerWhoami(request, who) } : { customConnectServer: tunnelled }
    }
    if (reach !== undefined && name !== WHOAMI_HOST)
      return fetchForReal({ hostname, port, isHttp, request }, clock, reach)
    const body = name === WHOAMI_HOST ? wrongPort(port) : outOfReach(name)
    if (isHttp) return { customResponseFunction: () => ({ statusCode: 403, headers: PLAIN_TEXT, body }) }
    throw new RequestError(body, 403, PLAIN_TEXT)
  }
}

const PLAIN_TEXT = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }

function wrongPort(port: number): string {
  const why =
    port === 443
      ? `https://${WHOAMI_HOST} is not offered (there is no certificate for it)`
      : `Nothing is on port ${port} of ${WHOAMI_HOST}`
  return `${why}: use http://${WHOAMI_HOST}/ instead.\n`
}

function outOfReach(name: string): string {
  return (
    `${name} was not contacted: this upstream belongs to Turnpike's built-in demo vendor, which pretends, and only answers http://${WHOAMI_HOST}/.\n` +
    'To reach the world, configure a real provider in gateway.yaml (config/examples/ has some), ' +
    'or set `fetch: true` on the demo provider: targets are then fetched from this machine, under its own address.\n'
  )
}
