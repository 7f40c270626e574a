/**
 * A simulated gateway of a residential vendor: one port, whose login chooses the session. A login that its pages do not allow gets
 * 407. Each session has an exit of its own for as long as it may stay, then another.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** What a vendor's pages say of a login; the groups are in either of the two. */
export interface SessionGrammar {
  readonly username: RegExp
  readonly password: RegExp
  /** @param minutes what the login says, or 0 */
  readonly lifeMs: (minutes: number) => number
  /** Logins name no session: each connection gets another exit. */
  readonly rotates?: true
}

export interface SessionUse {
  readonly session: string
  readonly country: string
  /** Which of the vendor's exits carried it. */
  readonly exit: number
}

export class SessionGateway {
  readonly uses: SessionUse[] = []
  /** Logins that the vendor's pages do not allow. */
  readonly refused: string[] = []
  /** Exits that connect nowhere: 502. */
  readonly dead = new Set<number>()
  readonly #grammar: SessionGrammar
  readonly #now: () => number
  readonly #sessions = new Map<string, { exit: number; until: number }>()
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer()
  #exits = 0

  /** @param target where every CONNECT leads */
  constructor(grammar: SessionGrammar, now: () => number, target: { readonly host: string; readonly port: number }) {
    this.#grammar = grammar
    this.#now = now
    this.#server.on('connection', (socket: Socket) => this.#track(socket))
    this.#server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
      const use = this.#useOf(request.headers['proxy-authorization'])
      if (use === undefined) {
        client.end(
          'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n',
        )
        return
      }
      this.uses.push(use)
      if (this.dead.has(use.exit)) {
        client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n')
        return
      }
      const upstream = connect(target.port, target.host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.write(head)
        upstream.pipe(client).pipe(upstream)
      })
      this.#track(upstream)
    })
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
  }

  #useOf(authorization = ''): SessionUse | undefined {
    const login = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()
    const [username = '', password = ''] = login.split(/:(.*)/s)
    const [inName, inPassword] = [this.#grammar.username.exec(username), this.#grammar.password.exec(password)]
    const groups: Record<string, string> = { ...inName?.groups, ...inPassword?.groups }
    const { country = '', minutes = '0' } = groups
    const session = this.#grammar.rotates === true ? `connection ${this.#exits}` : groups['session']
    if (inName === null || inPassword === null || session === undefined) {
      this.refused.push(login)
      return undefined
    }
    const known = this.#sessions.get(session)
    if (known !== undefined && this.#now() < known.until) return { session, country, exit: known.exit }
    const exit = ++this.#exits
    this.#sessions.set(session, { exit, until: this.#now() + this.#grammar.lifeMs(Number(minutes)) })
    return { session, country, exit }
  }
}
