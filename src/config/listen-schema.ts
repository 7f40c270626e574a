/** The schema of the ports: where the gateway listens, and which users it accepts. */
import { z } from 'zod'
import { strategies } from '../strategy.ts'
import { bytes, cidr, duration, filePath, integer, listenHost, secret, someOf, text } from './fields.ts'
import { providerName, userName } from './names.ts'

const port = () => integer(0, 65_535)

/** `rotation` and `perUpstream` of one port or user; a key that is left out has the general value. */
const ownTraffic = () => ({
  rotation: z
    .strictObject({
      strategy: z.enum(strategies).optional().meta({ description: 'How an upstream is chosen.' }),
      per: z
        .enum(['connection', 'request'])
        .optional()
        .meta({ description: 'Plain HTTP: one upstream per client connection, or per request.' }),
      retryStatuses: retryStatuses()
        .optional()
        .meta({ description: 'Plain HTTP: answers of an upstream after which another one may be tried.' }),
    })
    .optional()
    .meta({ description: 'Instead of `rotation`, for these clients.' }),
  perUpstream: z
    .strictObject({
      connections: integer(0, 1_000_000).optional().meta({
        description: 'Largest number of connections through one address, counted over all clients; 0 = no limit.',
      }),
      uses: integer(0, 1_000_000_000).optional().meta({
        description:
          'An address that has served this many connections is not lent; 1 = a new address for each connection, 0 = no limit.',
      }),
      hostRest: duration()
        .optional()
        .meta({ description: 'Pause of an address for the same target host after these clients used it.' }),
    })
    .optional()
    .meta({ description: 'Instead of `pool.perUpstream`, for these clients.' }),
})

/** Answers of an upstream after which another upstream may be tried. */
export const retryStatuses = () => z.array(z.literal([502, 503, 504]))

const user = () =>
  z.strictObject({
    name: userName().meta({ description: 'Account name; options follow it as -key-value.' }),
    password: secret({ maxBytes: 255, mayBeEmpty: true }).meta({
      description:
        'At most 255 bytes (RFC 1929). `""` accepts the name with an empty password; if other machines can reach the port, only together with `allow`.',
    }),
    providers: someOf(providerName()).optional().meta({ description: 'The only providers that this user may use.' }),
    ...ownTraffic(),
    limits: z
      .strictObject({
        connections: integer(1, 1_000_000)
          .optional()
          .meta({ description: 'Largest number of connections at the same time.' }),
        newPerSecond: integer(1, 1_000_000)
          .optional()
          .meta({ description: 'Largest number of new tunnels and plain requests per second.' }),
        bytesPerDay: bytes({ min: 1, max: 2 ** 50 })
          .optional()
          .meta({
            description: 'Largest number of bytes from and to this user within 24 hours; open connections continue.',
          }),
        addressesPerHour: integer(1, 1_000_000).optional().meta({
          description:
            'Largest number of different addresses lent within an hour; after that, the same addresses are lent again.',
        }),
      })
      .optional()
      .meta({ description: 'What this user may have; over a limit requests get 429 `GW_USER_LIMIT`.' }),
  })

/** One port for clients. */
export const listener = () =>
  z.strictObject({
    name: text({ maxBytes: 64 }).optional().meta({ description: 'Your name for this port, in the log.' }),
    host: listenHost()
      .default('127.0.0.1')
      .meta({ description: 'Address to listen on. Off loopback, `users` or `allow` is required.' }),
    port: port()
      .default(8080)
      .meta({ description: 'Port for HTTP proxy, SOCKS5 and SOCKS4/4a; 0 means any free port.' }),
    shared: z.boolean().default(false).meta({
      description:
        'Other gateways of the same `cluster` on this machine listen on this port too: the system distributes the clients (SO_REUSEPORT; Linux and FreeBSD).',
    }),
    users: someOf(user())
      .optional()
      .meta({ description: 'Who may use this port. When given, every way in demands the login.' }),
    allow: someOf(cidr())
      .optional()
      .meta({ description: 'Client addresses that may connect; users must log in all the same.' }),
    tls: z
      .strictObject({
        cert: filePath().meta({
          description:
            'Clients speak TLS to this port, with this certificate: a PEM file, with its intermediate certificates. Read again when it changes.',
        }),
        key: filePath().meta({ description: 'PEM file: its private key.' }),
      })
      .optional()
      .meta({ description: 'Clients speak TLS to this port; changed files are read again.' }),
    provider: providerName().optional().meta({ description: 'The only provider of this port.' }),
    strategy: z
      .enum(strategies)
      .optional()
      .meta({ description: 'How this port chooses an upstream; default: rotation.strategy.' }),
    ...ownTraffic(),
    session: z.enum(['off', 'client', 'target']).default('off').meta({
      description:
        'Keep one upstream per client address or per target host, also for clients that name no session. For a browser, use `client`.',
    }),
    upstreamHeader: z
      .boolean()
      .default(false)
      .meta({ description: 'Name the upstream in X-Turnpike-Upstream on forwarded plain HTTP answers too.' }),
    optionHeaders: z.boolean().default(false).meta({
      description: 'Accept X-Turnpike-* options on plain HTTP requests too. Scripts in a web page could send them.',
    }),
  })

/** Clients send it in a header, after a space (RFC 6750 section 2.1). */
const bearerToken = () =>
  secret()
    .refine((token) => /^[!-~]+$/.test(token.reveal()), { error: 'write ASCII characters without spaces' })
    .meta({ examples: ['${NAME_OF_A_VARIABLE}'] })

/** The admin port, or `off`. */
export const admin = () =>
  z.union([
    z.literal('off'),
    z.strictObject({
      host: listenHost()
        .default('127.0.0.1')
        .meta({ description: 'Address of the admin port. Off loopback a token is required.' }),
      port: port().default(8081).meta({ description: 'Port of the dashboard, health, metrics and the admin API.' }),
      token: bearerToken().optional().meta({ description: 'Bearer token for every call that changes something.' }),
    }),
  ])
