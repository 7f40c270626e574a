import type { LoopbackServer } from './loopback-server.ts'
import { WebSite } from './site.ts'
import { echoServer } from './tcp.ts'
import { FakeUpstream, type Names, type UpstreamOptions } from './upstream.ts'
import type { Login } from './upstream-behaviour.ts'

export interface WorldOptions {
  /** How many upstreams; 3. */
  readonly upstreams?: number
  /** Whether each demands a login of its own; true. */
  readonly login?: boolean
  /** Upstreams behind TLS; false. */
  readonly tls?: boolean
}

/** Everything beyond the gateway: upstreams, and the targets that they can reach. */
export interface World {
  /** On 127.0.0.2, 127.0.0.3... where the machine has those addresses, else on ports of 127.0.0.1. */
  readonly upstreams: readonly FakeUpstream[]
  /** `http://site.test` through the upstreams. */
  readonly site: WebSite
  /** `https://secure.test` */
  readonly secureSite: WebSite
  /** `echo.test`, any port: plain TCP. */
  readonly echo: LoopbackServer
  /** What the upstreams resolve; more may be added at any time. */
  readonly names: Names
  /** Starts one more target, which `name` leads to and which is closed with the world. */
  serve<T extends LoopbackServer>(name: string, server: T): Promise<T>
  /** The upstreams as a static provider lists them; `scheme` replaces http or https. */
  lines(scheme?: string): string[]
  /** The upstreams' logins: what no log may hold. */
  secrets(): Login[]
  /** The upstream that a site saw as its peer. @throws {Error} when it was none of them */
  upstreamAt(peer: string): FakeUpstream
  close(): Promise<void>
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const site = await new WebSite().listen()
  const secureSite = await new WebSite({ tls: true }).listen()
  const echo = await echoServer().listen()
  const names: Names = {
    'site.test': [site.host, site.port],
    'secure.test': [secureSite.host, secureSite.port],
    'echo.test': [echo.host, echo.port],
  }
  const more: LoopbackServer[] = []
  const upstreams: FakeUpstream[] = []
  for (let n = 1; n <= (options.upstreams ?? 3); n++) upstreams.push(await startUpstream(n, names, options))
  return {
    upstreams,
    site,
    secureSite,
    echo,
    names,
    serve: async (name, server) => {
      more.push(server)
      if (!server.listening) await server.listen()
      names[name] = [server.host, server.port]
      return server
    },
    lines: (scheme) => upstreams.map((upstream) => upstream.url(scheme)),
    secrets: () => upstreams.flatMap((upstream) => upstream.login ?? []),
    upstreamAt: (peer) => find(upstreams, peer),
    close: async () =>
      void (await Promise.all([site, secureSite, echo, ...upstreams, ...more].map((part) => part.close()))),
  }
}

async function startUpstream(n: number, names: Names, options: WorldOptions): Promise<FakeUpstream> {
  const login = { username: `user-${n}`, password: `secret-of-upstream-${n}` }
  const settings: UpstreamOptions = { names, tls: options.tls ?? false, ...((options.login ?? true) && { login }) }
  try {
    return await new FakeUpstream(settings).listen(`127.0.0.${n + 1}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error
    return new FakeUpstream(settings).listen()
  }
}

function find(upstreams: readonly FakeUpstream[], peer: string): FakeUpstream {
  const upstream = upstreams.find(({ host }) => host === peer)
  if (upstream === undefined) throw new Error(`${peer} is none of the upstreams`)
  return upstream
}
