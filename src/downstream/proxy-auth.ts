/** Checks who may use a listener, and parses logins (RFC 7617 for HTTP, RFC 1929 for SOCKS5). */
import { addressMatcher } from '../address.ts'
import { textOf } from '../client-text.ts'
import { GatewayError } from '../errors.ts'
import type { Field } from '../http1/head.ts'
import { isSameText, type Secret } from '../secret.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import { noOptions } from './client-options.ts'
import type { ClientIdentity, TrafficSettings } from './client-request.ts'
import type { LoginThrottle } from './login-throttle.ts'
import { headerOptions, longestAccount, parseUserName } from './username-options.ts'

/** Undefined: no limit. */
export interface UserLimitSettings {
  /** Client connections at the same time. */
  readonly connections?: number | undefined
  /** Tunnels and plain requests begun within a second. */
  readonly newPerSecond?: number | undefined
  /** Octets from and to the client within a day. */
  readonly bytesPerDay?: number | undefined
  /** Different addresses lent within an hour. */
  readonly addressesPerHour?: number | undefined
}

export interface User extends TrafficSettings {
  readonly name: string
  readonly password: Secret
  /** Providers the user may be served from; absent: all. */
  readonly providers?: readonly string[]
  readonly limits?: UserLimitSettings | undefined
}

/** The source of a login. Read for few of the logins that are cached: it costs a system call. */
export interface Client {
  readonly clientAddress: string
}

/** A client without a login, if none is required. */
export const anonymous: ClientIdentity = {
  account: undefined,
  user: undefined,
  options: noOptions,
  providers: undefined,
}
/** Number of checked logins in the cache: a crawler sends the same few again and again. In each of two generations. */
const MAX_REMEMBERED = 5_000
/** Name and password in RFC 1929 have at most 255 octets each. Longer ones are checked each time. */
const MAX_REMEMBERED_LENGTH = 1_024

/** While no login fails, the client's address is read and recorded for one of so many cached logins. */
const RECORDED_EVERY = 16

export class Access {
  #confirmed = 0
  readonly #users: ReadonlyMap<string, User>
  readonly #allowed: ((ip: string) => boolean) | undefined
  /**
   * Correct logins, by their header value or by name and password. The two caches are separate: no header of a client can
   * equal a SOCKS login. A change of users makes another Access.
   */
  readonly #headers = new GenerationalCache<ClientIdentity>(MAX_REMEMBERED)
  readonly #logins = new GenerationalCache<ClientIdentity>(MAX_REMEMBERED)

  readonly #throttle: LoginThrottle

  /** @param allow CIDR blocks of clients; absent: every address that can reach the port */
  constructor(users: readonly User[] | undefined, allow: readonly string[] | undefined, throttle: LoginThrottle) {
    this.#throttle = throttle
    this.#users = new Map(users?.map((user) => [user.name, user]))
    this.#allowed = allow === undefined ? undefined : addressMatcher(allow)
  }

  /** Whether a login is required. */
  get demandsLogin(): boolean {
    return this.#users.size > 0
  }

  /** The present limits of a user; undefined: none. */
  limitsOf(user: string): UserLimitSettings | undefined {
    return this.#users.get(user)?.limits
  }

  /** Whether there is an allow-list. */
  get checksAddress(): boolean {
    return this.#allowed !== undefined
  }

  /** @throws {GatewayError} GW_CLIENT_NOT_ALLOWED */
  checkAddress(ip: string): void {
    if (this.#allowed === undefined || this.#allowed(ip)) return
    throw new GatewayError('GW_CLIENT_NOT_ALLOWED', `the address ${ip} is not on this listener's allow-list`)
  }

  /**
   * The sender of this `Proxy-Authorization` value.
   * @throws {GatewayError} GW_LOGIN_REQUIRED, with `answerAfterMs` in its detail when a login was wrong; GW_BAD_OPTION
   */
  identify(authorization: string | undefined, client: Client): ClientIdentity {
    if (authorization === undefined) return this.#anonymous()
    const known = this.#headers.get(authorization)
    if (known !== undefined) return this.confirm(known, client)
    const identity = this.#read(authorization, client)
    // Copied: a slice would keep the whole head in memory.
    if (authorization.length <= MAX_REMEMBERED_LENGTH)
      this.#headers.set(Buffer.from(authorization, 'latin1').toString('latin1'), identity)
    return identity
  }

  #read(authorization: string, client: Client): ClientIdentity {
    const login = basicLogin(authorization)
    return login === undefined ? this.#anonymous() : this.#check(login.userName, login.password, client)
  }

  /** Whether a Basic login has the name of a user of this listener; the password is not checked. */
  knows(authorization: string): boolean {
    const login = basicLogin(authorization)
    return login !== undefined && this.#longestUser(login.userName) !== undefined
  }

  #anonymous(): ClientIdentity {
    if (!this.demandsLogin) return anonymous
    throw new GatewayError('GW_LOGIN_REQUIRED', 'this listener demands a login')
  }

  /**
   * The sender of this SOCKS login.
   * @throws {GatewayError} GW_LOGIN_REQUIRED when user or password is wrong, with `answerAfterMs` in its detail; GW_BAD_OPTION
   *   after a right login
   */
  login(userName: string, password: string, client: Client): ClientIdentity {
    // With the length in front, two different logins never have the same text.
    const text = `${userName.length} ${userName}${password}`
    const known = this.#logins.get(text)
    if (known !== undefined) return this.confirm(known, client)
    const identity = this.#check(userName, password, client)
    this.#logins.set(text, identity)
    return identity
  }

  /**
   * Admits a cached login, which may have come from another address before. An address with too many failures is refused here too:
   * else its guesses would be compared with the cached logins of others.
   * @throws {GatewayError} GW_LOGIN_REQUIRED
   */
  confirm(identity: ClientIdentity, client: Client): ClientIdentity {
    if (identity.user === undefined) return identity
    if (!this.#throttle.hasFailures && ++this.#confirmed % RECORDED_EVERY !== 0) return identity
    const { clientAddress } = client
    this.#refuseBlocked(clientAddress, identity.user)
    this.#throttle.succeeded(clientAddress, identity.user)
    return identity
  }

  #refuseBlocked(clientAddress: string, user: string | undefined): void {
    // It has reset its connection: its failures could not be counted.
    if (clientAddress === '') throw new GatewayError('GW_LOGIN_REQUIRED', 'this listener demands a login')
    const blockedMs = this.#throttle.blockedMs(clientAddress, user)
    if (blockedMs > 0) throw notChecked(blockedMs, this.#throttle.failed(clientAddress, false))
  }

  #check(userName: string, password: string, { clientAddress }: Client): ClientIdentity {
    if (!this.demandsLogin) return openIdentity(userName)
    const user = this.#longestUser(userName)
    this.#refuseBlocked(clientAddress, user?.name)
    const right = isSameText(user?.password.reveal() ?? '', password)
    if (user === undefined || !right) throw wrongLogin(this.#throttle.failed(clientAddress, true))
    this.#throttle.succeeded(clientAddress, user.name)
    const identity = { ...parseUserName(userName, [user.name]), user: user.name, providers: user.providers }
    return user.rotation === undefined && user.perUpstream === undefined ? identity : { ...identity, traffic: user }
  }

  /** A SOCKS4 user id: options, but no login. @throws {GatewayError} GW_LOGIN_REQUIRED, GW_BAD_OPTION */
  userId(userId: string): ClientIdentity {
    if (this.demandsLogin)
      throw new GatewayError('GW_LOGIN_REQUIRED', 'SOCKS4 cannot carry a login: use SOCKS5 or HTTP')
    return userId === '' ? anonymous : openIdentity(userId)
  }

  #longestUser(userName: string): User | undefined {
    const name = longestAccount(userName, this.#users.keys())
    return name === undefined ? undefined : this.#users.get(name)
  }
}

/** RFC 7617; undefined for another scheme, or an invalid login. */
function basicLogin(authorization: string): { readonly userName: string; readonly password: string } | undefined {
  const credentials = /^basic +([A-Za-z0-9+/_-]*={0,2})$/i.exec(authorization)?.[1]
  if (credentials === undefined) return undefined
  const text = textOf(Buffer.from(credentials, 'base64'))
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : { userName: text.slice(0, colon), password: text.slice(colon + 1) }
}

function wrongLogin(answerAfterMs: number): GatewayError {
  return new GatewayError('GW_LOGIN_REQUIRED', 'user name or password is wrong', { detail: { answerAfterMs } })
}

function notChecked(blockedMs: number, answerAfterMs: number): GatewayError {
  const seconds = Math.ceil(blockedMs / 1_000)
  const message = `too many failed logins from this address: logins are not checked for ${seconds} s`
  return new GatewayError('GW_LOGIN_REQUIRED', message, { detail: { answerAfterMs } })
}

/** A client's identity when no users are configured. @throws {GatewayError} GW_BAD_OPTION */
function openIdentity(userName: string): ClientIdentity {
  return { ...parseUserName(userName), user: undefined, providers: undefined }
}

/** The identity is shared by all requests with one login: options of a single request create a new one. */
export function withHeaderOptions(
  identity: ClientIdentity,
  fields: readonly Field[],
  acceptsOwn = true,
): ClientIdentity {
  const options = headerOptions(fields, identity.options, acceptsOwn)
  return options === identity.options ? identity : { ...identity, options }
}
