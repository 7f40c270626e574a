/** Providers: `GET /v1/providers`, and their actions. */
import { z } from 'zod'
import { count, decimal, flag, instant, list, named, oneOf, orNull, seconds, text } from './fields.ts'

export const providerStates = ['ready', 'waiting', 'stopped', 'unusable', 'budget-reached', 'paused'] as const

const state = {
  name: text('Name in the configuration'),
  vendor: text('Vendor'),
  product: text('Product of the vendor'),
  listsAreas: flag('Whether POST /v1/providers/{name}/areas lists its places or lines'),
  state: oneOf(
    providerStates,
    'ready; waiting for a known moment; stopped until an operator acts (key, plan, whitelist), retried now and then; unusable: its addresses do not work; budget-reached: nothing may be bought; paused by an operator',
  ),
  reason: orNull(text('Why it is in this state, in words')),
  reasonCode: orNull(text('Its code in docs/errors.md')),
  nextAttemptInSeconds: orNull(
    seconds('0: it may be called at once, when addresses are needed; null: no time is known'),
  ),
  nextAttemptAt: orNull(instant('The same as a time of day')),
  lastError: orNull(text('Last failure, in words; kept when it is over')),
  lastErrorCode: orNull(text('Its code in docs/errors.md')),
  lastErrorAgoSeconds: orNull(seconds('How long ago it was')),
}

const calls = {
  callsMade: count('Calls to the vendor; providers whose calls the vendor counts together show the same figures'),
  callsFailed: count('Calls that failed'),
  callsLeft: count('Calls that may be sent at this moment'),
  nextCallInSeconds: orNull(
    seconds('When the window lets the next call through; 0: now; null: only the reply to a call under way can tell'),
  ),
  windowCalls: count('At most so many calls in every window'),
  windowSeconds: seconds('Length of the window'),
}

const addresses = {
  bought: count('Addresses bought'),
  alive: count('Addresses in the pool'),
  leased: count('Of them: lent to a client'),
  leases: count('Client connections on them'),
  used: count('Addresses that opened at least one tunnel'),
  wasted: count('Paid for and never used: wastedExpired + wastedTooShort'),
  wastedExpired: count('Expired without a tunnel'),
  wastedTooShort: count('Arrived with less life than pool.minLife'),
  evictedByBlame: count('Removed after failures in a row'),
  duplicates: count('Sold although held already'),
  rejected: count('Items of replies that could not be used'),
  secondsBought: seconds('Lives bought, together'),
  secondsUsed: seconds('Of them: a tunnel or exchange was open through the address'),
  utilisation: orNull(decimal('secondsUsed / secondsBought, 0 to 1; null while nothing was bought')),
}

const money = {
  budgetLeft: orNull(count('Addresses that may still be bought now; null without a budget')),
  budgetTightest: orNull(oneOf(['perHour', 'perDay', 'total'], 'The budget that budgetLeft is of')),
  budgetPerHour: orNull(count('Budget per hour, in addresses')),
  budgetPerDay: orNull(count('Budget per day, in addresses')),
  budgetTotal: orNull(count('Budget in total, in addresses')),
  budgetReached: orNull(oneOf(['perHour', 'perDay', 'total'], 'The budget that is used up')),
  budgetReachedForSeconds: orNull(seconds('For how long yet; null for total, which does not come back')),
  balance: orNull(decimal('What the vendor last said is left on the account')),
  runsLow: flag('Whether balance is below lowStock'),
  planEndsAt: orNull(instant('When the plan at the vendor ends; null where the vendor has not said')),
  planEndsSoon: flag('Whether that is within expiresSoon'),
  held: count('Addresses that the vendor holds for this provider, in the pool or not'),
  incoming: count('Addresses on order'),
  channels: orNull(count('Channels, for products sold by channel')),
  channelsFree: orNull(count('Free channels')),
  tunnels: count('Tunnels opened through its addresses'),
  price: orNull(decimal('Configured price of one address')),
  cost: orNull(decimal('price x bought')),
  costPer1000Tunnels: orNull(decimal('cost per 1,000 tunnels; null before the first tunnel')),
}

export const providerReport = named(
  'Provider',
  'A provider. All counts start with the process.',
  z.strictObject({ ...state, ...calls, ...addresses, ...money }),
)

export const providersReport = named(
  'Providers',
  'Every provider, in the order of the configuration.',
  z.strictObject({ providers: list(providerReport, 'In the order of the configuration') }),
)

export const refillReply = named(
  'RefillReply',
  'A call is on its way.',
  z.strictObject({ name: text('Name of the provider'), ordered: flag('true') }),
)

export const retryReply = named(
  'RetryReply',
  'The next order may leave at once.',
  z.strictObject({ name: text('Name of the provider'), retried: flag('true') }),
)

export const providerReply = named(
  'ProviderReply',
  'The provider after the action.',
  z.strictObject({
    name: text('Name of the provider'),
    state: oneOf(providerStates, 'State after the action'),
    reason: orNull(text('Why it is in this state')),
  }),
)

export type ProviderReport = Readonly<z.infer<typeof providerReport>>
