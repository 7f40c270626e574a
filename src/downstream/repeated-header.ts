/**
 * Clients send the same header with each request of a connection, often to one site: it is read once, and its login is checked once
 * for each set of users.
 */
import { parseRequestHead, parseRequestHeader, type RequestHead, type RequestHeader } from '../http1/request-head.ts'
import type { HeadText } from '../http1/request-head-reader.ts'
import type { ClientPort } from './client-port.ts'
import type { ClientIdentity } from './client-request.ts'
import { type Access, anonymous, type Client, withHeaderOptions } from './proxy-auth.ts'

export class RepeatedHeader {
  /** Of the request read last. */
  identity: ClientIdentity = anonymous
  readonly #client: Client
  readonly #port: ClientPort
  #text = ''
  /** The request read last. */
  #head: RequestHead | undefined
  /** What has accepted its login: the port has another one after a reload that changes the users. */
  #access: Access | undefined
  #acceptedOptions = false

  constructor(client: Client, port: ClientPort) {
    this.#client = client
    this.#port = port
  }

  /** @throws {GatewayError} for a header or URL that is refused, and for a login or options that are */
  read({ line, text }: HeadText): RequestHead {
    const fields = text.slice(line.size)
    const earlier = this.#head
    const known = fields === this.#text ? earlier?.header : undefined
    const header = known ?? parseRequestHeader(fields, 0)
    const head = parseRequestHead(line, header, earlier)
    if (known === undefined || !this.#isCurrent) this.identity = this.#identify(header)
    this.#text = fields
    this.#head = head
    return head
  }

  /** Whether the port identifies its clients as it did for the request read last. */
  get #isCurrent(): boolean {
    const { access, settings } = this.#port
    return access === this.#access && settings.optionHeaders === this.#acceptedOptions
  }

  #identify({ login, options }: RequestHeader): ClientIdentity {
    const { access, settings } = this.#port
    const { optionHeaders } = settings
    const identity = withHeaderOptions(access.identify(login, this.#client), options, optionHeaders)
    // Only now: a connection goes on after a challenge, and its next request must not have the identity of an earlier one.
    this.#access = access
    this.#acceptedOptions = optionHeaders
    return identity
  }
}
