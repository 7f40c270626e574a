/** The keys of gateway.yaml about the connections of clients: how many addresses serve them, and how one is chosen and used. */
import { z } from 'zod'
import { strategies } from '../strategy.ts'
import { duration, durationOr, hostPattern, integer, someOf } from './fields.ts'
import { retryStatuses } from './listen-schema.ts'

/** Without a floor in the file, a low ceiling lowers the floor; a written floor above the ceiling is refused (checks.ts). */
export const pool = () =>
  z
    .strictObject({
      floor: integer(0, 1_000_000)
        .default(5)
        .meta({ description: 'Number of addresses kept ready while there is traffic.' }),
      ceiling: integer(1, 1_000_000)
        .default(50)
        .meta({ description: 'Largest number of addresses held, over all providers.' }),
      targetLoad: integer(1, 100_000)
        .default(8)
        .meta({ description: 'Number of leases per address above which another one is bought.' }),
      idleAfter: duration({ min: 1 })
        .prefault('60s')
        .meta({ description: 'Without traffic for this time, nothing is bought.' }),
      minLife: durationOr(['auto']).prefault('auto').meta({
        description: 'An address with a shorter remaining life is not lent; auto: a quarter of its life, at most 5s.',
      }),
      margin: durationOr(['auto']).prefault('auto').meta({
        description:
          'How long before its deadline an address is no longer lent; auto: a tenth of its life, 300ms to 10s.',
      }),
      onDeadline: z
        .enum(['keep', 'close'])
        .default('keep')
        .meta({ description: 'What happens to open tunnels when their address expires.' }),
      perUpstream: z
        .strictObject({
          connections: integer(0, 1_000_000)
            .default(0)
            .meta({ description: 'Largest number of connections through one address at the same time; 0 = no limit.' }),
          uses: integer(0, 1_000_000_000).default(0).meta({
            description:
              'Number of connections in the life of an address; 1 = a new address for each connection, 0 = no limit. A request that was sent and not answered counts too.',
          }),
          hostRest: duration()
            .prefault('0s')
            .meta({ description: 'Pause between two uses of one address for the same target host.' }),
        })
        .prefault({})
        .meta({ description: 'Limits of one address.' }),
    })
    .transform((value) => ({ ...value, floor: Math.min(value.floor, value.ceiling) }))

export const rotation = () =>
  z.strictObject({
    strategy: z.enum(strategies).default('round-robin').meta({ description: 'How an upstream is chosen.' }),
    per: z
      .enum(['connection', 'request'])
      .default('connection')
      .meta({ description: 'Plain HTTP: one upstream per client connection, or per request.' }),
    retryStatuses: retryStatuses().default([]).meta({
      description:
        'Plain HTTP: answers of an upstream after which another one may be tried. If empty, they are passed on.',
    }),
  })

export const session = () =>
  z.strictObject({
    idle: duration({ min: 1 }).prefault('10m').meta({ description: 'A session without use for this time ends.' }),
    max: integer(1, 10_000_000).default(100_000).meta({ description: 'Largest number of sessions.' }),
  })

export const dial = () =>
  z.strictObject({
    timeout: duration({ min: 1 })
      .prefault('8s')
      .meta({ description: 'Time-out of TCP, TLS, login and CONNECT to one upstream together.' }),
    deadline: duration({ min: 1 })
      .prefault('20s')
      .meta({ description: 'Time-out of all tries for one client together.' }),
    tries: integer(1, 100).default(3).meta({ description: 'Largest number of upstreams tried for one client.' }),
    hedgeAfter: durationOr(['off', 'auto'], { min: 1 }).prefault('auto').meta({
      description:
        'Dial a second upstream when the first has not answered for this time; auto: the time of 19 of 20 dials of the provider; off: never. Not with uses: 1.',
    }),
    warm: integer(0, 1_000)
      .default(0)
      .meta({ description: 'Number of connections opened in advance to each upstream in use, within its limits.' }),
  })

export const wait = () =>
  z.strictObject({
    timeout: duration().prefault('10s').meta({ description: 'How long a client waits for an address.' }),
    queue: integer(0, 1_000_000).default(1_000).meta({
      description: 'Largest number of waiting clients; one user has at most half of the places while another waits.',
    }),
  })

export const relay = () =>
  z.strictObject({
    idle: duration({ min: 1 })
      .prefault('10m')
      .meta({ description: 'A tunnel without a transfer for this time is closed.' }),
  })

export const ban = () =>
  z
    .strictObject({
      host: hostPattern().meta({ description: 'Target host; *.example.com is every host below it.' }),
      status: someOf(integer(100, 599))
        .optional()
        .meta({ description: 'Plain HTTP: statuses that mean that the address is banned.' }),
      closedWithin: duration({ min: 1 }).optional().meta({
        description:
          'Tunnels: the target closes within this time after the first bytes of the client, several times in a row through one address and not through others.',
      }),
      bytesUnder: integer(1, 1_048_576)
        .default(200)
        .meta({ description: 'With closedWithin: the target has sent fewer bytes than this.' }),
      times: integer(1, 100).default(3).meta({ description: 'With closedWithin: number of times in a row.' }),
      rest: duration({ min: 1 })
        .prefault('10m')
        .meta({ description: 'How long the address is not used for that host.' }),
    })
    .refine(({ status, closedWithin }) => status !== undefined || closedWithin !== undefined, {
      error: 'write status, or closedWithin for tunnels: what shows that the address is banned',
    })
