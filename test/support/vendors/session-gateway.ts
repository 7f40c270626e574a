/**
 * A simulated gateway of a residential vendor: one port, whose login chooses the session. A login that its pages do not allow gets
 * 407. Each session has an exit of its own for as long as it may stay, then another.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** What a vendor's pages say of a login; the groups are in either of the two. */
export interface SessionGrammar {
  readonly username: RegExp
  readonly password: RegExp
  /** Header fields that each request must have, by their names in lower case. */
  readonly fields?: Readonly<Record<string, RegExp>>
  /** @param groups of all of them */
  readonly accepts?: (groups: Readonly<Record<string, string>>) => boolean
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
      const use = this.#useOf(request.headers)
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

  #useOf(headers: IncomingHttpHeaders): SessionUse | undefined {
    const [, basic = ''] = /^Basic (.*)$/.exec(headers['proxy-authorization'] ?? '') ?? []
    const login = Buffer.from(basic, 'base64').toString()
    const [username = '', password = ''] = login.split(/:(.*)/s)
    const [inName, inPassword] = [this.#grammar.username.exec(username), this.#grammar.password.exec(password)]
    const inFields = Object.entries(this.#grammar.fields ?? {}).map(([name, field]) =>
      field.exec(String(headers[name])),
    )
    const groups: Record<string, string> = Object.assign(
      { ...inName?.groups, ...inPassword?.groups },
      ...inFields.map((found) => found?.groups),
    ) as Record<string, string>
    const { country = '', minutes = '0' } = groups
    const session = this.#grammar.rotates === true ? `connection ${this.#exits}` : groups['session']
    const isAccepted = this.#grammar.accepts?.(groups) ?? true
    if (inName === null || inPassword === null || inFields.includes(null) || session === undefined || !isAccepted) {
      this.refused.push(JSON.stringify(headers))
      return undefined
    }
    const known = this.#sessions.get(session)
    if (known !== undefined && this.#now() < known.until) return { session, country, exit: known.exit }
    const exit = ++this.#exits
    this.#sessions.set(session, { exit, until: this.#now() + this.#grammar.lifeMs(Number(minutes)) })
    return { session, country, exit }
  }
}
