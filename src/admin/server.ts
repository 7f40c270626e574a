/** The admin port: health, metrics, the state of pool and providers, and the dashboard. */
import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Address, isLoopback } from '../address.ts'
import type { Clock } from '../clock.ts'
import { ConfigError } from '../errors.ts'
import { internalErrors } from '../internal-errors.ts'
import type { Log } from '../log/log.ts'
import { descriptorOf, type InheritedSockets, listenAt } from '../network/inherited-sockets.ts'
import type { Secret } from '../secret.ts'
import { hostCheck } from './api/hosts.ts'
import { OperatorLogin } from './api/operator-login.ts'
import type { RouteParts } from './api/routes.ts'
import { storedToken } from './api/token.ts'
import { createLimitedServer } from './limited-server.ts'
import type { AdminView } from './view.ts'

export interface AdminSettings {
  readonly host: string
  /** 0 means any free port. */
  readonly port: number
  /** Undefined: one is generated and kept in the state folder. */
  readonly token: Secret | undefined
  /** Undefined: there is none, and without a configured token this port permits no changes. */
  readonly stateDir: string | undefined
  /** Open at the same time; 256 by default. */
  readonly maxConnections?: number
  /** For a whole request, and for an answer that the client does not read, ms; 10,000 by default. */
  readonly requestTimeoutMs?: number
}

export interface AdminServer {
  /** The actual address. */
  readonly address: Address
  /** The number of the descriptor of its socket. */
  readonly descriptor: number
  /** Requires this token from now on. */
  useToken(token: Secret): void
  /** Closes every connection; resolves when the port is free. */
  close(): Promise<void>
}

/** Requests here are short and few: a slower client is broken or an attacker. */
const REQUEST_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 256

/**
 * @throws {ConfigError} when others could reach the port and no token is configured
 * @throws the system's error when the port cannot be opened or the token cannot be stored
 */
export async function startAdmin(
  settings: AdminSettings,
  view: AdminView,
  deps: { readonly log: Log; readonly clock: Clock; readonly inherited?: InheritedSockets | undefined },
): Promise<AdminServer> {
  const log = deps.log.child({ mod: 'admin' })
  refuseExposure(settings)
  const token =
    settings.token ?? (settings.stateDir === undefined ? undefined : await storedToken(settings.stateDir, log))
  const { clock } = deps
  const { maxConnections = MAX_CONNECTIONS } = settings
  const operator = new OperatorLogin(token, clock, log)
  const isOwnHost = hostCheck(settings.host)
  const readsNeedToken = !isLoopback(settings.host)
  const parts = {
    ...{ view, clock, startedAt: clock.now(), log, operator, isOwnHost, readsNeedToken },
    // The other half answers the operator's requests.
    maxLeaseRequests: Math.max(1, Math.floor(maxConnections / 2)),
  }
  const server = createLimitedServer(
    { connections: maxConnections, timeoutMs: settings.requestTimeoutMs ?? REQUEST_TIMEOUT_MS },
    answerWhenAsked(parts, settings.host),
  )
  await listenAt(server, settings, deps.inherited)
  server.on('error', (error) => log.error({ err: error }, 'the admin port could not accept a connection'))
  const { address, port } = server.address() as AddressInfo
  return {
    address: { host: address, port },
    descriptor: descriptorOf(server),
    useToken: (next) => operator.useToken(next),
    close: () => {
      operator.close()
      return close(server)
    },
  }
}

/** The routes and their libraries are loaded for the first request: without requests the gateway saves 10 MB. */
function answerWhenAsked(parts: RouteParts, host: string): RequestListener {
  let loading: Promise<RequestListener> | undefined
  return async (request, response) => {
    try {
      loading ??= import('./api/routes.ts').then(({ adminListener }) => adminListener(parts, host))
      const answer = await loading
      answer(request, response)
    } catch (error) {
      // Modules that could not be loaded (no free descriptor) are loaded again for the next request.
      loading = undefined
      internalErrors.report(error)
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'Content-Length': 0, Connection: 'close' }).end()
    }
  }
}

function refuseExposure({ host, token }: AdminSettings): void {
  if (isLoopback(host) || token !== undefined) return
  throw new ConfigError('configuration', [
    { path: 'admin.host', message: 'other machines can reach the admin port: add a token' },
  ])
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
