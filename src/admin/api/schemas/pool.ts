/** Upstreams: `GET /v1/pool`, and actions on one. */
import { z } from 'zod'
import { duration } from '../../../config/fields.ts'
import { count, decimal, instant, list, named, oneOf, orNull, seconds, text } from './fields.ts'
import { targetHost } from './target-host.ts'

/** What changes while an upstream is in the pool. */
const changing = {
  state: oneOf(
    ['ready', 'resting', 'draining', 'gone'],
    'ready; resting after a failure, for restSeconds; draining: too little life left for new connections',
  ),
  remainingSeconds: orNull(
    seconds("Life left until the pool lets go of it, which is pool.margin before the vendor's deadline; null: endless"),
  ),
  expiresAt: orNull(instant('The same as a time of day')),
  leases: count('Client connections on it'),
  quietLeases: count('Of them: those through which nothing moves'),
  sessions: count('Sessions that live on it'),
  opened: count('Tunnels opened, ever'),
  uses: decimal('Tunnels that count towards pool.perUpstream.uses; a session counts once'),
  blame: count('Failures in a row; at health.evictAfter it is removed'),
  restSeconds: seconds('While it rests: for how long yet; else 0'),
  restingHosts: count('Target hosts that it stays away from now'),
  openSeconds: orNull(seconds('Smoothed time to open a tunnel; null before the first')),
}

const id = text('Names the upstream here and in X-Turnpike-Upstream; the same after a restart')

export const upstreamReport = named(
  'Upstream',
  'An address in the pool.',
  z.strictObject({
    id,
    provider: text('Name of the provider that it was bought from'),
    protocol: oneOf(['http', 'https', 'socks5'], 'Protocol of the upstream'),
    address: text('host:port where the gateway connects to it'),
    exit: orNull(text('The address that targets see, where the vendor states it')),
    country: orNull(text('Country code, where the vendor states it')),
    area: orNull(text('Province or region')),
    city: orNull(text('City')),
    isp: orNull(text('Carrier')),
    boughtAt: instant('When it was bought'),
    ...changing,
  }),
)

export const upstreamChange = named(
  'UpstreamChange',
  'The members of an upstream that change, for one that was sent before.',
  z.strictObject({ id, ...changing }),
)

export const poolReport = named(
  'Pool',
  'Every upstream in the pool, and what is going on.',
  z.strictObject({
    connections: count('Client connections'),
    tunnels: count('Open tunnels'),
    waiting: count('Clients that wait for an upstream'),
    sessions: count('Sessions remembered'),
    upstreams: list(upstreamReport, 'Every upstream in the pool'),
  }),
)

const DAY_MS = 86_400_000
const rest = () =>
  duration({ min: 1, max: DAY_MS })
    .prefault('10m')
    .meta({ description: 'How long, with a unit (90s, 10m); at most 1d', type: 'string', default: '10m' })

export const banReport = named(
  'BanReport',
  'A target has banned the upstream.',
  z.strictObject({ host: targetHost, rest: rest() }),
)

export const banReply = named(
  'BanReply',
  'The upstream stays away from the host.',
  z.strictObject({
    id,
    host: text('The target host, in lower case'),
    restSeconds: seconds('How long it stays away from it'),
  }),
)

export const restOrder = named('RestOrder', 'How long an upstream is to rest.', z.strictObject({ rest: rest() }))

export const upstreamReply = named(
  'UpstreamReply',
  'The upstream after the action.',
  z.strictObject({
    id,
    state: oneOf(['ready', 'resting', 'draining', 'gone'], 'State after the action'),
    restSeconds: seconds('How long it rests; 0 when it does not'),
  }),
)

export type UpstreamReport = Readonly<z.infer<typeof upstreamReport>>
export type UpstreamChange = Readonly<z.infer<typeof upstreamChange>>
