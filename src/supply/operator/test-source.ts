/**
 * One call to a source by the operator, to see what it delivers: with the same limits and budget as every order, with the smallest
 * count. Its addresses are never lent. Its cost is booked if the account is a provider's, also when a link of that account is
 * tested.
 */

import { formatAuthority } from '../../address.ts'
import type { Clock } from '../../clock.ts'
import { GatewayError } from '../../errors.ts'
import { given } from '../../given.ts'
import type { Log } from '../../log/log.ts'
import type { ConnectGuard } from '../../network/connect-guard.ts'
import type { Secret } from '../../secret.ts'
import type { Delivery, ProxyRecord } from '../../vendors/contract/delivery.ts'
import { codeOfClass, VendorError } from '../../vendors/contract/error.ts'
import type { Source } from '../../vendors/contract/source.ts'
import { type LifeDoubt, vendorDeadline } from '../expiry.ts'
import { MAX_LIST } from '../list-sync.ts'
import type { Order } from '../order/order.ts'
import type { Provider } from '../provider.ts'
import { requestUrl, type TriedRequest, tryAddress } from './try.ts'

/** A configured provider, or a link that is not in the configuration. */
export type TrialTarget = (
  | { readonly provider: string }
  | { readonly url: Secret; readonly product: string | undefined }
) & {
  /** URL of a request through the first address; it must pass `requestUrl`. */
  readonly try?: string | undefined
}

/** How one address was parsed. Of a login only its presence is reported. */
export interface TrialAddress {
  readonly address: string
  readonly protocol: string
  readonly login: 'none' | 'user name' | 'user name and password'
  /** Null: without an end. */
  readonly lifeSeconds: number | null
  readonly exit: string | null
  readonly country: string | null
  readonly area: string | null
  readonly city: string | null
  readonly isp: string | null
}

export interface TrialReport {
  readonly vendor: string
  readonly product: string
  /** The provider in whose budget it was booked; null: in none. */
  readonly provider: string | null
  /** How many addresses were ordered; null: a list was read. */
  readonly ordered: number | null
  readonly seconds: number
  readonly format: string | null
  /** The first of them. */
  readonly addresses: readonly TrialAddress[]
  readonly count: number
  /** Bought, but without an address yet. */
  readonly pending: number
  readonly rejected: readonly string[]
  readonly doubts: readonly LifeDoubt[]
  readonly balance: number | null
  /** Null: success. */
  readonly failure: {
    readonly class: string
    readonly error: string
    readonly vendorCode: string
    readonly words: string
    readonly hint: string | null
  } | null
  /** The request through the first address; null: none was made, or no address arrived. */
  readonly tried: TriedRequest | null
}

interface TrialParts {
  readonly clock: Clock
  readonly log: Log
  readonly providers: readonly Provider[]
  readonly guard: ConnectGuard
  /** Providers whose upstreams may have loopback and private addresses. */
  readonly allowPrivate: ReadonlySet<string>
}

/** After the clients' calls and before those for the stock. */
const TRIAL_PRIORITY = 1
const MAX_SHOWN = 20

export class SourceTrials {
  readonly #parts: TrialParts
  readonly #stopping = new AbortController()

  constructor(parts: TrialParts) {
    this.#parts = parts
  }

  /**
   * @param url see TrialTarget.try
   * @returns undefined when there is no such provider
   * @throws {GatewayError} GW_BUDGET_REACHED, or GW_NO_SUPPLY when no channel is free; {StoreError}; the signal's reason
   */
  async provider(name: string, signal: AbortSignal, url?: string): Promise<TrialReport | undefined> {
    const provider = this.#parts.providers.find((each) => each.name === name)
    return provider === undefined ? undefined : this.#try(provider.source, provider, signal, url)
  }

  /**
   * @param open makes a source; the channels are those of the account, if it is a provider's
   * @throws as `provider`; {VendorError} class bad_request for a link that cannot be used
   */
  async link(open: (channels: number | undefined) => Source, signal: AbortSignal, url?: string): Promise<TrialReport> {
    const source = open(undefined)
    const owner = this.#parts.providers.find((provider) => isSameAccount(provider.source, source))
    return this.#try(owner?.source.channels === undefined ? source : open(owner.source.channels), owner, signal, url)
  }

  async #try(
    source: Source,
    provider: Provider | undefined,
    signal: AbortSignal,
    url: string | undefined,
  ): Promise<TrialReport> {
    const count = source.isList ? MAX_LIST : (source.batchSize ?? 1)
    if (provider !== undefined && provider.capacity.freeChannels < count) throw noChannel(provider, count)
    this.#parts.log.info(
      { provider: provider?.name, vendor: source.vendor, product: source.product },
      'tried at the operator’s word',
    )
    const both = AbortSignal.any([signal, this.#stopping.signal])
    const call = (ticket?: Order) => source.extract(count, { signal: both, priority: TRIAL_PRIORITY, ticket })
    const startedAt = this.#parts.clock.now()
    const common = {
      vendor: source.vendor,
      product: source.product,
      provider: provider?.name ?? null,
      ordered: source.isList ? null : count,
    }
    try {
      const delivery = await (provider === undefined || source.isList
        ? call()
        : provider.operatorOrders.tryOut(count, call))
      provider?.account.works()
      const seconds = this.#since(startedAt)
      const tried = await this.#carry(delivery.sold[0], provider, url, both)
      return { ...common, ...this.#told(delivery, provider), seconds, failure: null, tried }
    } catch (error) {
      if (!(error instanceof VendorError) || both.aborted) throw error
      return { ...common, ...nothing, seconds: this.#since(startedAt), failure: failureOf(error), tried: null }
    }
  }

  async #carry(
    sold: ProxyRecord | undefined,
    provider: Provider | undefined,
    url: string | undefined,
    signal: AbortSignal,
  ): Promise<TriedRequest | null> {
    const target = url === undefined ? undefined : requestUrl(url)
    if (sold === undefined || target === undefined) return null
    const { guard, allowPrivate, clock } = this.#parts
    const { host, port, protocol, username, password } = sold
    const tls = provider?.settings.arrival.tls
    const fields = provider?.settings.requestFields?.(sold, clock.wall())
    const address = { host, port, protocol, ...given({ username, password, tls, fields }) }
    const rule = { allowPrivate: provider !== undefined && allowPrivate.has(provider.name), group: 'test-source' }
    return tryAddress(address, target, { signal, guard, rule })
  }

  #since(at: number): number {
    return Math.round(this.#parts.clock.now() - at) / 1_000
  }

  #told(delivery: Delivery, provider: Provider | undefined) {
    const { clock } = this.#parts
    const sentWallMs = clock.wall() - (clock.now() - delivery.sentAt)
    const lives = delivery.sold.map(({ life }) =>
      vendorDeadline(life, delivery, sentWallMs, provider?.settings.arrival.ttlMs),
    )
    return {
      format: delivery.format ?? null,
      addresses: delivery.sold
        .slice(0, MAX_SHOWN)
        .map((sold, index) => addressOf(sold, (lives[index]?.at ?? 0) - delivery.sentAt)),
      count: delivery.sold.length,
      pending: delivery.pending?.length ?? 0,
      rejected: delivery.rejected.slice(0, MAX_SHOWN),
      doubts: [...new Set(lives.flatMap(({ doubt }) => doubt ?? []))],
      balance: delivery.balance ?? null,
    }
  }

  /** Cancels waiting calls and those in progress. */
  close(): void {
    this.#stopping.abort(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
  }
}

/** The vendor counts their calls together, so it bills them together. */
function isSameAccount(one: Source, other: Source): boolean {
  if (one.vendor !== other.vendor || !Object.hasOwn(one.operations, other.extractOperation)) return false
  return one.account === other.account
}

function noChannel(provider: Provider, count: number): GatewayError {
  const words = `provider "${provider.name}" has ${provider.capacity.freeChannels} free channels, and a call takes ${count}: try again when an address has ended`
  return new GatewayError('GW_NO_SUPPLY', words)
}

function addressOf(sold: ProxyRecord, lifeMs: number): TrialAddress {
  const { host, port, protocol, username, password, exit, country, area, city, isp } = sold
  return {
    address: formatAuthority(host, port),
    protocol,
    login: username === undefined ? 'none' : password === undefined ? 'user name' : 'user name and password',
    lifeSeconds: Number.isFinite(lifeMs) ? Math.round(lifeMs / 1_000) : null,
    exit: exit ?? null,
    country: country ?? null,
    area: area ?? null,
    city: city ?? null,
    isp: isp ?? null,
  }
}

const nothing = { format: null, addresses: [], count: 0, pending: 0, rejected: [], doubts: [], balance: null }

function failureOf({ class: errorClass, vendorCode, message, hint }: VendorError): NonNullable<TrialReport['failure']> {
  return { class: errorClass, error: codeOfClass[errorClass], vendorCode, words: message, hint: hint ?? null }
}
