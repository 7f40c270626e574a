/** Optional abilities of products and accounts besides selling: follow, give back, report channels, register our address. */

import { isIP } from 'node:net'
import { given } from '../../given.ts'
import { VendorError } from '../contract/error.ts'
import { readGiveBack } from '../contract/settings.ts'
import type { CallOrder, Source } from '../contract/source.ts'
import type { Product, Vendor } from '../contract/vendor.ts'
import { refusalOf } from './address-filter.ts'
import { type Caller, perform } from './call.ts'
import { list, steps } from './deliver.ts'

export function followOf(caller: Caller, product: Product): Pick<Source, 'follow'> {
  const { follow } = product
  if (follow === undefined) return {}
  const { everyMs, pendingEveryMs } = follow
  return {
    follow: {
      everyMs,
      pendingEveryMs,
      ask: async (refs, order) => {
        const delivery = await list(caller, product, follow.operation, follow.params(refs), order)
        const named = new Set([...delivery.sold, ...(delivery.pending ?? [])].map(({ ref }) => ref))
        return { ...delivery, gone: refs.filter((ref) => !named.has(ref)) }
      },
    },
  }
}

export function giveBackOf(caller: Caller, product: Product): Pick<Source, GiveBackMember> {
  const { release, replace } = product
  return {
    ...(release === undefined
      ? {}
      : {
          givesBack: readGiveBack(caller.settings),
          release: (ref, order) => perform(caller, release.operation, release.params(ref), order, () => undefined),
        }),
    ...(replace === undefined
      ? {}
      : {
          replaceOperation: replace.operation,
          replace: (ref, order) =>
            list(caller, product, replace.operation, replace.params(ref, caller.settings.request), order),
        }),
  }
}

type GiveBackMember = 'release' | 'givesBack' | 'replace' | 'replaceOperation'

export function channelsNowOf(caller: Caller, product: Product): Pick<Source, 'channelsNow'> {
  const { channelsNow } = caller.vendor
  // A configured number is not requested.
  if (channelsNow === undefined || product.channels !== true || caller.settings.channels !== undefined) return {}
  return {
    channelsNow: async (signal) => {
      const channels = await channelsNow(caller.settings.product, steps(caller, atOnce(signal)))
      // Without any channel the figure is useless: the known number stays.
      if (channels.total > 0) caller.learned.channels = channels.total
      return channels
    },
  }
}

/** After every other call: no client waits for it. */
const LAST = -100

type AccountMember = 'accountNow' | 'accountEveryMs' | 'canCall'

export function accountNowOf(
  caller: Caller,
  { accountNow, accountEveryMs, canCall }: Product,
): Pick<Source, AccountMember> {
  return {
    ...given({ canCall }),
    ...(accountNow === undefined
      ? {}
      : { accountEveryMs, accountNow: async (signal) => accountNow(steps(caller, { signal, priority: LAST })) }),
  }
}

export function areasOf({ settings }: Caller, { areas }: Product): Pick<Source, 'areas'> {
  if (areas === undefined) return {}
  return { areas: { operation: areas.operation, params: areas.params(settings.request), read: areas.read } }
}

export function whitelistOf(caller: Caller): Pick<Source, 'whitelist'> {
  const { whitelist } = caller.vendor
  if (whitelist === undefined) return {}
  const { isMissing = (error) => error.class === 'whitelist', echo, add, remove, callerParams, sharedBy } = whitelist
  // Between a list that was read and the call that replaces it, no other provider may change it.
  const inTurn = (signal: AbortSignal, change: () => Promise<void>) =>
    caller.deps.inTurn?.(`whitelist of ${sharedBy ?? caller.account}`, signal, change) ?? change()
  return {
    whitelist: {
      isMissing,
      addressFromError: ({ message }) => onlyAddressIn(message),
      add: async (ip, signal) => inTurn(signal, () => add(assertPublic(ip, caller), steps(caller, atOnce(signal)))),
      ...(remove === undefined
        ? {}
        : { remove: (ip, signal) => inTurn(signal, () => remove(ip, steps(caller, atOnce(signal)))) }),
      ...(echo === undefined ? {} : { echo: (signal) => askAddress(echo, caller, signal) }),
      ...(callerParams === undefined ? {} : { addCaller: () => void Object.assign(caller.learned, { callerParams }) }),
    },
  }
}

async function askAddress(
  echo: NonNullable<NonNullable<Vendor['whitelist']>['echo']>,
  caller: Caller,
  signal: AbortSignal,
): Promise<string> {
  const said = (await echo(steps(caller, atOnce(signal)))).trim()
  if (isIP(said) !== 0) return said
  throw new VendorError('server', 'body', 'the vendor was asked for our address and named none')
}

/** An IPv4 address may stand directly behind a word and a colon (`IP:198.51.100.7`); with a port it is a proxy. */
const ADDRESSES =
  /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|:\d|\.\d)|(?<![\w.:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:]|\.\d)/gi

/** A message with two addresses is ambiguous: then neither is used. */
function onlyAddressIn(words: string): string | undefined {
  const found = words.match(ADDRESSES) ?? []
  const addresses = new Set(found.filter((text) => isIP(text) !== 0 && refusalOf(text, false) === undefined))
  const [only] = addresses
  return addresses.size === 1 ? only : undefined
}

function assertPublic(ip: string, { settings }: Caller): string {
  const reason = isIP(ip) === 0 ? 'it is no IP address' : refusalOf(ip, settings.allowPrivate)
  if (reason === undefined) return ip
  throw new VendorError('bad_request', 'parameter', `this address cannot go onto a whitelist: ${reason}`)
}

/** The provider makes no order until these calls are answered: they come before every order. */
const FIRST = 1_000

function atOnce(signal: AbortSignal): CallOrder {
  return { signal, priority: FIRST }
}
