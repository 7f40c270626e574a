/** The last hour as columns of equal length: `GET /v1/history`, and the newest interval in the event `history`. */
import { z } from 'zod'
import { count, decimal, list, named, orNull, seconds, text } from './fields.ts'

const column = (description: string) => list(z.number(), description)

export const providerHistory = named(
  'ProviderHistory',
  'One provider, one value for each interval.',
  z.strictObject({
    name: text('Name of the provider'),
    bought: column('Addresses bought in the interval'),
    wasted: column('Addresses that ended unused in the interval'),
    calls: column('Calls to the vendor in the interval'),
    windowUsed: column('Calls that occupied the window at the end of the interval'),
    windowCalls: count('Calls that the window allows'),
  }),
)

export const historyReport = named(
  'History',
  'The last hour in intervals, the oldest first. Every column has the length of `at`.',
  z.strictObject({
    intervalSeconds: seconds('Length of an interval'),
    at: column('End of each interval, seconds since 1970-01-01T00:00:00Z'),
    tunnelsPerSecond: column('Tunnels and exchanges opened per second'),
    refusedPerSecond: column('Requests refused per second'),
    bytesFromClientsPerSecond: column('Octets from clients per second, through all tunnels and exchanges'),
    bytesToClientsPerSecond: column('Octets to clients per second'),
    waiting: column('Clients that waited for an upstream, at the end'),
    connections: column('Client connections, at the end'),
    setupP50Seconds: list(
      orNull(decimal('Median time to an open tunnel')),
      'Median set-up time; null without a tunnel',
    ),
    setupP99Seconds: list(orNull(decimal('99th percentile')), '99th percentile of the set-up time'),
    bought: column('Addresses bought'),
    wasted: column('Addresses that ended unused'),
    providers: list(providerHistory, 'In the order of the configuration'),
  }),
)

export type HistoryReport = Readonly<z.infer<typeof historyReport>>
export type ProviderHistory = Readonly<z.infer<typeof providerHistory>>
