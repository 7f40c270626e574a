/**
 * Every way a request can fail, in one table: who is to blame, what the caller may do, what each client sees.
 * Codes are permanent: never reused, never renamed. docs/errors.md explains each one, and a test keeps the two equal.
 */

/** The RFC 9209 section 2.3 error types that the gateway uses in `Proxy-Status`. */
type ProxyErrorType =
  | 'connection_limit_reached'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'destination_ip_prohibited'
  | 'destination_unavailable'
  | 'http_protocol_error'
  | 'http_request_denied'
  | 'http_request_error'
  | 'proxy_configuration_error'
  | 'proxy_internal_error'
  | 'proxy_internal_response'

interface ErrorSpec {
  /**
   * Which party failed. pool/health.ts reads it: `upstream` is a failure of the address, `pair` is evidence about the
   * upstream and the target together, and the other values change the record of no address.
   */
  readonly blame: 'client' | 'gateway' | 'upstream' | 'pair' | 'target' | 'vendor'
  /** What may follow; proxy/retry.ts reads it. `another-upstream` only before a byte was forwarded. */
  readonly retry: 'never' | 'another-upstream' | 'after-delay'
  /** HTTP status (RFC 9110 section 15). */
  readonly http: number
  /** SOCKS5 REP (RFC 1928 section 6). SOCKS4 knows only 0x5B. */
  readonly socks: number
  /** `error` parameter of Proxy-Status. */
  readonly proxyStatus: ProxyErrorType
}

/** What the rows of one party have in common. */
const CLIENT = { blame: 'client', retry: 'never' } as const
const GATEWAY = { blame: 'gateway', retry: 'after-delay' } as const
const UPSTREAM = { blame: 'upstream', retry: 'another-upstream' } as const
const PAIR = { blame: 'pair', retry: 'another-upstream' } as const
const TARGET = { blame: 'target', retry: 'never' } as const
/** Only the operator can help. */
const VENDOR_STOPS = { blame: 'vendor', retry: 'never' } as const
const VENDOR_PAUSES = { blame: 'vendor', retry: 'after-delay' } as const

export const catalogue = {
  // What the client did.
  GW_BAD_REQUEST: { ...CLIENT, http: 400, socks: 0x01, proxyStatus: 'http_request_error' },
  GW_BAD_OPTION: { ...CLIENT, http: 400, socks: 0x02, proxyStatus: 'http_request_error' },
  GW_NOT_A_PROXY_REQUEST: { ...CLIENT, http: 400, socks: 0x01, proxyStatus: 'http_request_error' },
  GW_LOGIN_REQUIRED: { ...CLIENT, http: 407, socks: 0x02, proxyStatus: 'http_request_denied' },
  GW_CLIENT_NOT_ALLOWED: { ...CLIENT, http: 403, socks: 0x02, proxyStatus: 'http_request_denied' },
  GW_PROVIDER_NOT_ALLOWED: { ...CLIENT, http: 403, socks: 0x02, proxyStatus: 'http_request_denied' },
  GW_TARGET_NOT_ALLOWED: { ...CLIENT, http: 403, socks: 0x02, proxyStatus: 'http_request_denied' },
  GW_TARGET_BLOCKED: { ...CLIENT, http: 403, socks: 0x02, proxyStatus: 'http_request_denied' },
  GW_USER_LIMIT: { ...CLIENT, retry: 'after-delay', http: 429, socks: 0x02, proxyStatus: 'http_request_denied' },
  GW_HANDSHAKE_TIMEOUT: { ...CLIENT, http: 408, socks: 0x01, proxyStatus: 'http_request_error' },
  GW_HEADER_TOO_LARGE: { ...CLIENT, http: 431, socks: 0x01, proxyStatus: 'http_request_error' },
  GW_HTTP_VERSION: { ...CLIENT, http: 505, socks: 0x01, proxyStatus: 'http_request_error' },
  GW_COMMAND_NOT_SUPPORTED: { ...CLIENT, http: 501, socks: 0x07, proxyStatus: 'http_request_error' },
  GW_ADDRESS_TYPE_NOT_SUPPORTED: { ...CLIENT, http: 400, socks: 0x08, proxyStatus: 'http_request_error' },

  // What the gateway could not do.
  GW_TOO_MANY_CONNECTIONS: { ...GATEWAY, http: 503, socks: 0x01, proxyStatus: 'connection_limit_reached' },
  GW_STOPPING: { ...GATEWAY, http: 503, socks: 0x01, proxyStatus: 'proxy_internal_response' },
  GW_POOL_EMPTY: { ...GATEWAY, http: 503, socks: 0x01, proxyStatus: 'destination_unavailable' },
  GW_QUEUE_FULL: { ...GATEWAY, http: 503, socks: 0x01, proxyStatus: 'connection_limit_reached' },
  GW_NO_MATCH: { ...GATEWAY, http: 503, socks: 0x01, proxyStatus: 'destination_unavailable' },
  GW_NO_SUPPLY: { ...VENDOR_PAUSES, http: 503, socks: 0x01, proxyStatus: 'proxy_configuration_error' },
  GW_BUDGET_REACHED: { ...GATEWAY, http: 503, socks: 0x01, proxyStatus: 'proxy_configuration_error' },
  GW_DEADLINE: { ...GATEWAY, http: 504, socks: 0x01, proxyStatus: 'connection_timeout' },
  GW_INTERNAL: { ...GATEWAY, retry: 'never', http: 500, socks: 0x01, proxyStatus: 'proxy_internal_error' },

  // What happened at an upstream, before the tunnel was open.
  GW_UPSTREAM_FORBIDDEN: { ...UPSTREAM, http: 502, socks: 0x01, proxyStatus: 'destination_ip_prohibited' },
  GW_UPSTREAM_UNREACHABLE: { ...UPSTREAM, http: 502, socks: 0x01, proxyStatus: 'connection_refused' },
  GW_UPSTREAM_SILENT: { ...PAIR, http: 504, socks: 0x01, proxyStatus: 'connection_timeout' },
  GW_UPSTREAM_CLOSED: { ...PAIR, http: 502, socks: 0x01, proxyStatus: 'connection_terminated' },
  GW_UPSTREAM_GARBAGE: { ...UPSTREAM, http: 502, socks: 0x01, proxyStatus: 'http_protocol_error' },
  GW_UPSTREAM_LOGIN: { ...UPSTREAM, http: 502, socks: 0x01, proxyStatus: 'http_request_denied' },
  GW_UPSTREAM_REFUSED: { ...PAIR, http: 502, socks: 0x05, proxyStatus: 'connection_refused' },
  GW_TARGET_REFUSED: { ...TARGET, http: 502, socks: 0x05, proxyStatus: 'destination_unavailable' },
  GW_TARGET_UNREACHABLE: { ...TARGET, http: 502, socks: 0x04, proxyStatus: 'destination_unavailable' },
  GW_SESSION_LOST: { ...UPSTREAM, retry: 'never', http: 502, socks: 0x01, proxyStatus: 'connection_terminated' },

  // What a vendor's API answered (docs/vendors/README.md). A client sees these only as the reason of GW_NO_SUPPLY.
  GW_VENDOR_AUTH: { ...VENDOR_STOPS, http: 503, socks: 0x01, proxyStatus: 'proxy_configuration_error' },
  GW_VENDOR_WHITELIST: { ...VENDOR_STOPS, http: 503, socks: 0x01, proxyStatus: 'proxy_configuration_error' },
  GW_VENDOR_PLAN_EXPIRED: { ...VENDOR_STOPS, http: 503, socks: 0x01, proxyStatus: 'proxy_configuration_error' },
  GW_VENDOR_BAD_REQUEST: { ...VENDOR_STOPS, http: 503, socks: 0x01, proxyStatus: 'proxy_configuration_error' },
  GW_VENDOR_QUOTA: { ...VENDOR_PAUSES, http: 503, socks: 0x01, proxyStatus: 'destination_unavailable' },
  GW_VENDOR_RATE_LIMITED: { ...VENDOR_PAUSES, http: 503, socks: 0x01, proxyStatus: 'destination_unavailable' },
  GW_VENDOR_NO_RESOURCE: { ...VENDOR_PAUSES, http: 503, socks: 0x01, proxyStatus: 'destination_unavailable' },
  GW_VENDOR_SERVER: { ...VENDOR_PAUSES, http: 503, socks: 0x01, proxyStatus: 'destination_unavailable' },
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof catalogue

/** Loggable facts: never a secret, never a URL, never a client-supplied object. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean | undefined>>

/** A request or a supply call that failed for a reason the catalogue knows. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly detail: ErrorDetail

  /**
   * @param message for the client and the operator: what happened, in words, without secrets
   * @param options.detail facts for the log; `retryAfterMs` becomes the client's Retry-After
   */
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; detail?: ErrorDetail } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GatewayError'
    this.code = code
    this.detail = options.detail ?? {}
  }

  get spec(): ErrorSpec {
    return catalogue[this.code]
  }
}

/** One mistake in a configuration, with the place a person can go to. */
export interface ConfigProblem {
  /** Dotted path inside the file, as in `pool.idleAfter`. */
  readonly path: string
  /** What is wrong and what to write instead. */
  readonly message: string
  /** 1-based position in the file; absent when the mistake is not in the text (a missing environment variable of a default, say). */
  readonly line?: number
  readonly column?: number
}

/** `file:line:column: path: message`, as editors and terminals recognise it. */
export function problemLine(file: string, { path, message, line, column = 1 }: ConfigProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`
}

/** The configuration cannot be used: every mistake at once. Start-up prints it and exits with 2. */
export class ConfigError extends Error {
  readonly file: string
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => problemLine(file, problem)).join('\n'))
    this.name = 'ConfigError'
    this.file = file
    this.problems = problems
  }
}
