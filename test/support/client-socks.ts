import { isIP } from 'node:net'
import { type ClientOptions, type Connected, dial, type Place, sendRequest } from './client-dial.ts'
import { parseAuthority } from './http-wire.ts'
import { ConnectionLost, type SocketReader } from './socket-io.ts'
import type { Login } from './upstream-behaviour.ts'

interface Socks5Options extends ClientOptions {
  /** Offered methods; with a login 0x00 and 0x02 (0x02 alone when pipelined), else 0x00. */
  readonly methods?: readonly number[]
  /** CMD; 1 is CONNECT. */
  readonly command?: number
  /** Greeting, login and request in one write, without waiting for answers. */
  readonly pipelined?: boolean
}

/** What the server said, as far as it came: `undefined` means that it ended before saying so. */
interface Socks5Answer {
  /** The chosen method; 0xFF: none. */
  method?: number
  /** RFC 1929 STATUS; also absent when no login was asked for. */
  loginStatus?: number
  rep?: number
  /** BND.ADDR and BND.PORT. */
  bound?: string
}

interface Socks5Reply extends Readonly<Socks5Answer>, Connected {}

/** SOCKS5 to `target`; the address type follows from how it is spelt. A refusal at any stage resolves. */
export async function socks5(proxy: Place, target: string, options: Socks5Options = {}): Promise<Socks5Reply> {
  const connected = await dial(proxy, options.timeoutMs)
  const answer: Socks5Answer = {}
  try {
    await negotiate(connected, target, options, answer)
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
  }
  return { ...answer, ...connected }
}

async function negotiate(
  { socket, reader }: Connected,
  target: string,
  options: Socks5Options,
  answer: Socks5Answer,
): Promise<void> {
  const methods = options.methods ?? defaultMethods(options)
  const greeting = Buffer.from([5, methods.length, ...methods])
  const login = loginMessage(options.login)
  const request = Buffer.concat([Buffer.from([5, options.command ?? 1, 0]), socksAddress(target)])
  if (options.pipelined) await sendRequest(socket, Buffer.concat([greeting, login, request]), options)
  const say = async (bytes: Buffer, early?: Buffer | string) => {
    if (!options.pipelined) await sendRequest(socket, bytes, { ...options, earlyBytes: early ?? '' })
  }
  await say(greeting)
  answer.method = (await reader.readExactly(2))[1] ?? 0xff
  if (answer.method === 0xff) return
  if (answer.method === 2) {
    await say(login)
    answer.loginStatus = (await reader.readExactly(2))[1] ?? 0xff
    if (answer.loginStatus !== 0) return
  }
  await say(request, options.earlyBytes)
  const head = await reader.readExactly(4)
  answer.rep = head[1] ?? 0xff
  answer.bound = await readBound(reader, head[3] ?? 0)
}

/** Who pipelines a login must know that it will be read. */
function defaultMethods({ login, pipelined }: Socks5Options): number[] {
  if (login === undefined) return [0]
  return pipelined ? [2] : [0, 2]
}

interface Socks4Options extends ClientOptions {
  /** USERID. */
  readonly userId?: string
}

interface Socks4Reply extends Connected {
  /** 0x5A: granted. `undefined`: the server ended without a reply. */
  readonly code?: number
}

/** SOCKS4 to an IPv4 `target`. */
export function socks4(proxy: Place, target: string, options: Socks4Options = {}): Promise<Socks4Reply> {
  const { host, port } = parseAuthority(target)
  return askSocks4(proxy, host.split('.').map(Number), port, '', options)
}

/** SOCKS4a to a named `target`: address 0.0.0.1, the name after the user id. */
export function socks4a(proxy: Place, target: string, options: Socks4Options = {}): Promise<Socks4Reply> {
  const { host, port } = parseAuthority(target)
  return askSocks4(proxy, [0, 0, 0, 1], port, `${host}\0`, options)
}

async function askSocks4(
  proxy: Place,
  address: readonly number[],
  port: number,
  name: string,
  options: Socks4Options,
): Promise<Socks4Reply> {
  const connected = await dial(proxy, options.timeoutMs)
  const fixed = Buffer.from([4, 1, port >> 8, port & 0xff, ...address])
  await sendRequest(connected.socket, Buffer.concat([fixed, Buffer.from(`${options.userId ?? ''}\0${name}`)]), options)
  try {
    const reply = await connected.reader.readExactly(8)
    return { ...connected, code: reply[1] ?? 0 }
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
    return connected
  }
}

function loginMessage(login: Login | undefined): Buffer {
  if (login === undefined) return Buffer.alloc(0)
  const username = Buffer.from(login.username)
  const password = Buffer.from(login.password)
  return Buffer.concat([Buffer.from([1, username.length]), username, Buffer.from([password.length]), password])
}

function socksAddress(target: string): Buffer {
  const { host, port } = parseAuthority(target)
  const portBytes = Buffer.from([port >> 8, port & 0xff])
  if (isIP(host) === 4) return Buffer.concat([Buffer.from([1, ...host.split('.').map(Number)]), portBytes])
  if (isIP(host) === 6) return Buffer.concat([Buffer.from([4]), ipv6Bytes(host), portBytes])
  const name = Buffer.from(host, 'latin1')
  return Buffer.concat([Buffer.from([3, name.length]), name, portBytes])
}

function ipv6Bytes(address: string): Buffer {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [front = '', back] = canonical.split('::')
  const head = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

async function readBound(reader: SocketReader, type: number): Promise<string> {
  const length = type === 1 ? 4 : type === 4 ? 16 : ((await reader.readExactly(1))[0] ?? 0)
  const address = await reader.readExactly(length)
  const port = (await reader.readExactly(2)).readUInt16BE()
  const shown = type === 1 ? address.join('.') : type === 4 ? address.toString('hex') : address.toString('latin1')
  return `${shown}:${port}`
}
