import {
  copyBody,
  type Framing,
  formatHead,
  header,
  headerValues,
  parseAuthority,
  type RequestHead,
  readRequestHead,
  readResponseHead,
  requestFraming,
  responseFraming,
  staysOpen,
  WireError,
} from './http-wire.ts'
import { ConnectionLost, SocketReader, send } from './socket-io.ts'
import { splice } from './splice.ts'
import type { FakeUpstream, Visit } from './upstream.ts'
import { type Behaviour, GARBAGE, type Login, PORTAL_REPLY, Silence } from './upstream-behaviour.ts'
import { openTunnel } from './upstream-tunnel.ts'

/** Speaks HTTP proxy on a connection until it is over. */
export async function serveHttp(upstream: FakeUpstream, visit: Visit): Promise<void> {
  for (;;) {
    const head = await readHead(visit)
    if (head === null) return void visit.socket.end()
    if (!(await serveRequest(upstream, visit, head))) return
  }
}

/** False: the connection carries no further request. */
async function serveRequest(upstream: FakeUpstream, visit: Visit, head: RequestHead): Promise<boolean> {
  const login = basicLogin(head)
  const { host, port } = targetOf(head)
  const seen = {
    protocol: 'http',
    method: head.method,
    target: head.target,
    raw: head.raw,
    headers: head.headers,
  } as const
  const behaviour = upstream.note(visit, login === undefined ? seen : { ...seen, login }, host)
  if (await misbehave(visit, behaviour)) return false
  if (!upstream.accepts(login)) return refuse(visit, 407)
  try {
    const target = await upstream.dial(host, port)
    if (head.method !== 'CONNECT') return await forward(visit, head, target)
    await openTunnel(upstream, visit, target, Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n'))
    return false
  } catch (error) {
    const status = error instanceof ConnectionLost ? dialStatus.get(error.code) : undefined
    if (status === undefined) throw error
    return refuse(visit, status)
  }
}

/** What a failed dial becomes; every other loss is the connection's end. */
const dialStatus = new Map([
  ['ENOTFOUND', 502],
  ['ECONNREFUSED', 502],
  ['EACCES', 403],
])

/** True when the behaviour has answered. */
async function misbehave(visit: Visit, behaviour: Behaviour): Promise<boolean> {
  switch (behaviour.kind) {
    case 'garbage':
      await visit.reply.write(GARBAGE)
      throw new Silence()
    case 'silent':
      throw new Silence()
    case 'html-200-then-junk':
      await visit.reply.write(PORTAL_REPLY)
      visit.socket.end()
      return true
    case 'close-at-once':
      visit.socket.end()
      return true
    case 'reset-at-once':
      visit.reset()
      return true
    case 'status':
      await refuse(visit, behaviour.status, behaviour.body)
      return true
    case 'refuse':
    case 'rep':
    case 'bad-version':
      await refuse(visit, 502)
      return true
    case 'no-method':
    case 'auth-failure':
      await refuse(visit, 407)
      return true
    default:
      return false
  }
}

async function refuse(visit: Visit, status: number, body = `refused with ${status}\n`): Promise<false> {
  const challenge = status === 407 ? ([['Proxy-Authenticate', 'Basic realm="upstream"']] as const) : []
  const length = Buffer.byteLength(body)
  const head = formatHead(`HTTP/1.1 ${status} Refused`, [
    ...challenge,
    ['Content-Length', `${length}`],
    ['Connection', 'close'],
  ])
  await visit.reply.write(Buffer.concat([Buffer.from(head), Buffer.from(body)]))
  visit.reader.discard() // a body that is still coming in would turn the FIN into a RST and take the refusal with it
  visit.socket.end()
  return false
}

/** Carries one absolute-form request to the target and its reply back. True: the connection can carry another one. */
async function forward(visit: Visit, head: RequestHead, target: SocketReader['socket']): Promise<boolean> {
  const reader = new SocketReader(target, { timeoutMs: null })
  const abandon = () => target.destroy()
  visit.socket.once('close', abandon)
  let sent = false
  const sending = sendRequest(visit.reader, head, target).then(
    () => (sent = true),
    () => {
      if (visit.reader.atEnd) visit.socket.destroy() // the client left in the middle of its body
      return false // a target may answer before it has read all; the reply tells
    },
  )
  const goOn = await relayReplies(visit, head, reader)
  visit.socket.off('close', abandon)
  if (goOn === 'switched') return false
  target.destroy()
  if (goOn === 'keep' && sent) return true
  visit.socket.end()
  await sending
  return false
}

async function sendRequest(reader: SocketReader, head: RequestHead, target: SocketReader['socket']): Promise<void> {
  const [, path = ''] = /^http:\/\/[^/?#]*(.*)$/.exec(head.target) ?? [] // not through URL, which would tidy it up
  const origin = path.startsWith('/') ? path : `/${path}`
  const kept = head.headers.filter(([name]) => !/^proxy-(authorization|connection)$/i.test(name))
  await send(target, formatHead(`${head.method} ${origin} HTTP/${head.version}`, kept))
  await copyBody(reader, requestFraming(head), (bytes) => send(target, bytes))
}

/** Interim replies, then the final one. */
async function relayReplies(
  visit: Visit,
  head: RequestHead,
  reader: SocketReader,
): Promise<'keep' | 'close' | 'switched'> {
  const write = countedWriter(visit)
  for (;;) {
    const reply = await readResponseHead(reader)
    await write(Buffer.from(reply.raw, 'latin1'))
    if (reply.status === 101) {
      await switchOver(visit, reader)
      return 'switched'
    }
    if (reply.status < 200) continue
    const framing: Framing = responseFraming(reply, head.method)
    await copyBody(reader, framing, write)
    const open =
      framing.kind !== 'close' && staysOpen(reply) && staysOpen(head) && visit.reply.behaviour.kind !== 'half-close'
    return open ? 'keep' : 'close'
  }
}

/** Writes to the client, and resets it when `reset-in-tunnel` says so: for plain requests only reply bytes count. */
function countedWriter(visit: Visit): (bytes: Buffer) => Promise<void> {
  let written = 0
  return async (bytes) => {
    const { behaviour } = visit.reply
    const left = behaviour.kind === 'reset-in-tunnel' ? behaviour.bytes - written : Number.POSITIVE_INFINITY
    written += bytes.length
    await visit.reply.write(bytes.subarray(0, Math.max(0, Math.min(left, bytes.length))))
    if (written < left) return
    visit.reset()
    throw new ConnectionLost('ECONNRESET', 'this upstream resets')
  }
}

async function switchOver(visit: Visit, reader: SocketReader): Promise<void> {
  const early = reader.release()
  const late = visit.reader.release()
  if (early.length > 0) visit.socket.write(early)
  if (late.length > 0) reader.socket.write(late)
  await splice(visit.socket, reader.socket)
}

/** A head that breaks the rules is answered with 400, as a strict proxy would, and fails no test by itself. */
async function readHead(visit: Visit): Promise<RequestHead | null> {
  try {
    const head = await readRequestHead(visit.reader)
    if (head !== null && head.method !== 'CONNECT') requestFraming(head)
    return head
  } catch (error) {
    if (error instanceof WireError) await refuse(visit, 400, `${error.message}\n`)
    throw error
  }
}

function targetOf(head: RequestHead): { host: string; port: number } {
  if (head.method === 'CONNECT') return parseAuthority(head.target)
  if (!head.target.startsWith('http://')) throw new WireError(`not an absolute-form target: ${head.target}`)
  return parseAuthority(new URL(head.target).host, 80)
}

function basicLogin(head: RequestHead): Login | undefined {
  if (headerValues(head.headers, 'proxy-authorization').length === 0) return undefined
  const match = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(header(head.headers, 'proxy-authorization') ?? '')
  if (match === null) throw new WireError('a Proxy-Authorization that is not Basic')
  const text = Buffer.from(match[1] ?? '', 'base64').toString()
  const colon = text.indexOf(':')
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
