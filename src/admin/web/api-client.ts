/** The client for the documented /v1 API. Paths are relative to the page: a reverse proxy may add a prefix. */
import { signal } from '@preact/signals'
import type { EventData } from '../api/schemas/events.ts'
import type { Topic } from '../api/schemas/topics.ts'

const TOKEN_KEY = 'turnpike.token'

/** The admin token: from the fragment of the link that the terminal prints, else from this tab's storage. */
const token = signal<string | undefined>(sessionStorage.getItem(TOKEN_KEY) ?? undefined)
/** Set while the page asks the operator for a token; resolves with it, or with undefined when the operator cancels. */
export const tokenRequest = signal<{ readonly isWrong: boolean; readonly done: (token?: string) => void } | undefined>(
  undefined,
)

/** How often the operator has entered a token, including the same one again. */
const tokensGiven = signal(0)

/** @param given may hold characters that no header can: what is copied from a chat or a document often does */
function keepToken(given: string): void {
  const value = given.replace(/[^!-~]/g, '')
  token.value = value
  tokensGiven.value++
  sessionStorage.setItem(TOKEN_KEY, value)
}

/**
 * Keeps the token in the fragment of the address, and removes it there: when the page is loaded, and when the operator opens the link
 * of the terminal in the tab of the page, which does not load it again.
 */
export function takeTokenOfAddress(): void {
  const given = /^#token=([^&]+)/.exec(location.hash)?.[1]
  if (given === undefined) return
  history.replaceState(null, '', location.pathname + location.search)
  const value = decoded(given)
  if (tokenRequest.value === undefined) keepToken(value)
  else tokenRequest.value.done(value)
}

/** A part of an address that was written by hand may be no percent-encoding. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** An answer of the API that is not a success. */
export class Refusal extends Error {
  readonly code: string

  constructor(code: string, detail: string) {
    super(detail)
    this.code = code
  }
}

/** Refusals that a token can change. */
export const NEEDS_TOKEN: ReadonlySet<string> = new Set(['ADMIN_TOKEN_REQUIRED', 'ADMIN_TOKEN_WRONG'])

/** Asks the operator for the token; all waiting callers get the answer. */
export function askForToken(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const waiting = tokenRequest.value
    tokenRequest.value = {
      isWrong: token.value !== undefined,
      done(value) {
        if (value !== undefined) keepToken(value)
        tokenRequest.value = undefined
        waiting?.done(value)
        resolve(value)
      },
    }
  })
}

/** Asks once, and resolves when the operator enters a token, now or later, or the signal aborts. */
export function newToken(signal: AbortSignal): Promise<void> {
  const before = tokensGiven.peek()
  void askForToken()
  return new Promise((resolve) => {
    const forget = tokensGiven.subscribe((given) => {
      if (given > before) queueMicrotask(end)
    })
    signal.addEventListener('abort', end, { once: true })
    function end() {
      forget()
      resolve()
    }
  })
}

interface Call {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
}

/**
 * One call; asks for the token when one is needed.
 * @throws {Refusal} when the gateway refuses; TypeError when it does not answer
 */
export async function call<Reply>(path: string, { method = 'GET', body }: Call = {}): Promise<Reply> {
  for (;;) {
    const response = await send(path, method, body, undefined)
    if (response.ok) return (await response.json()) as Reply
    const refusal = await refusalOf(response)
    if (!NEEDS_TOKEN.has(refusal.code)) throw refusal
    if ((await askForToken()) === undefined) throw refusal
  }
}

/**
 * A report, without asking for the token.
 * @throws {Refusal} when the gateway refuses; TypeError when it does not answer
 */
export async function get<Reply>(path: string, signal?: AbortSignal): Promise<Reply> {
  const response = await send(path, 'GET', undefined, signal)
  if (!response.ok) throw await refusalOf(response)
  return (await response.json()) as Reply
}

export function post<Reply>(path: string, body?: unknown): Promise<Reply> {
  return call<Reply>(path, { method: 'POST', body })
}

function send(path: string, method: string, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  return fetch(path, {
    method,
    headers: {
      ...(token.value === undefined ? {} : { Authorization: `Bearer ${token.value}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
    cache: 'no-store',
  })
}

async function refusalOf(response: Response): Promise<Refusal> {
  try {
    const { code, detail } = (await response.json()) as { code?: string; detail?: string }
    return new Refusal(code ?? String(response.status), detail ?? response.statusText)
  } catch {
    return new Refusal(String(response.status), response.statusText)
  }
}

export type Receive = <Name extends Topic>(name: Name, data: EventData[Name]) => void

/**
 * Reads `GET /v1/events` until the signal aborts or the stream ends. Read with fetch, because EventSource cannot send the
 * token in a header.
 * @param onData called for the answer, and for each piece of it
 * @throws {Refusal} when the gateway refuses; TypeError when it does not answer or the connection breaks
 */
export async function readEvents(receive: Receive, onData: () => void, signal: AbortSignal): Promise<void> {
  const response = await send('v1/events', 'GET', undefined, signal)
  if (!response.ok || response.body === null) throw await refusalOf(response)
  onData()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    onData()
    const messages = (rest + value).split('\n\n')
    rest = messages.pop() ?? ''
    for (const message of messages) deliver(message, receive)
  }
}

/** One message of the text/event-stream format; comments keep the connection alive and are dropped. */
function deliver(message: string, receive: Receive): void {
  let name = ''
  let data = ''
  for (const line of message.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim()
    else if (line.startsWith('data:')) data += line.slice(5)
  }
  if (name !== '' && data !== '') receive(name as Topic, JSON.parse(data))
}
