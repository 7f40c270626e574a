/**
 * Calls by the operator: any operation of a provider's vendor, on the same account, with the same limits and budget as the
 * gateway's own calls, and after the clients' orders.
 *
 *     name -> parameters -> confirmation -> a free slot -> booked -> called -> delivery -> result
 */
import PQueue from 'p-queue'
import type { Clock } from '../../clock.ts'
import { nearest } from '../../config/nearest.ts'
import { GatewayError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import type { CallWindow } from '../../store/account-store.ts'
import { VendorError } from '../../vendors/contract/error.ts'
import type { Operation, Params } from '../../vendors/contract/operation.ts'
import type { ByHand } from '../../vendors/contract/source.ts'
import type { NamedValue } from '../../vendors/contract/vendor.ts'
import type { Accounts } from '../account.ts'
import type { Order } from '../order/order.ts'
import type { Provider } from '../provider.ts'

export interface OperatorCall {
  readonly provider: string
  readonly operation: string
  readonly params: Params
  /** The operator has confirmed the call, or knows what it does. */
  readonly yes: boolean
  /** Shows secrets that the vendor generated for this call, such as a password. */
  readonly reveal?: boolean | undefined
}

export interface OperatorReply {
  readonly provider: string
  readonly operation: string
  readonly effect: Operation['effect']
  /** The decoded reply; secrets are `***`. */
  readonly data: unknown
  /** Notes about the call for the operator: an unproven call, a value beyond what is known to work. */
  readonly warnings: readonly string[]
}

export interface AreasReply {
  readonly provider: string
  readonly areas: readonly NamedValue[]
}

/** The request is impossible or invalid: nothing was sent. */
export class OperatorCallRefused extends Error {
  readonly kind: 'provider' | 'operation' | 'parameters' | 'unconfirmed'

  constructor(kind: OperatorCallRefused['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

interface OperatorCallParts {
  readonly clock: Clock
  readonly log: Log
  readonly accounts: Accounts
  readonly providers: readonly Provider[]
}

/** After the stock's calls in the limiter's queue, when several want a slot at the same moment. */
const BY_HAND_PRIORITY = -10
/** A slot is used only when it has been free for this long: clients' orders are planned at the moment it becomes free. */
const BEHIND_MS = 100

export class OperatorCalls {
  readonly #parts: OperatorCallParts
  /** One call at a time per limiter: a queue of them would take every slot. */
  readonly #queues = new Map<string, PQueue>()
  readonly #stopping = new AbortController()

  constructor(parts: OperatorCallParts) {
    this.#parts = parts
  }

  /**
   * @param signal cancels a waiting call; a call that was sent may have been executed
   * @throws {OperatorCallRefused} when the request was refused before sending; {GatewayError} GW_BUDGET_REACHED; {VendorError};
   *   {StoreError}; the signal's reason
   */
  async call(order: OperatorCall, signal: AbortSignal): Promise<OperatorReply> {
    const { provider, operation, byHand } = this.#find(order)
    const { params, operation: name } = order
    if (order.reveal === true && operation.generates === undefined) throw nothingGenerated(name)
    const count = await planned(byHand, name, params)
    if (operation.effect !== 'reads' && !order.yes) throw unconfirmed(order, operation, count)
    provider.operatorOrders.assertBudget(count)
    this.#parts.log.info({ provider: provider.name, operation: name, effect: operation.effect }, 'called by hand')
    const both = AbortSignal.any([signal, this.#stopping.signal])
    const limit = provider.source.limitOf(name)
    const slots = byHand.slots(name, params)
    if (slots > limit.calls) throw tooMany(name, slots, limit)
    const data = await this.#queueOf(limit.key).add(
      async () => {
        if (count > 0) await this.#turn(provider.capacity.orderWindow(limit), 1, both)
        await this.#turn(limit, slots, both)
        return this.#make(provider, byHand, order, count, both)
      },
      { signal: both },
    )
    provider.gaveBack(byHand.givenBack(name, params, provider.heldRefs))
    provider.account.works()
    const shown = byHand.show(name, params, data, order.reveal) ?? null
    const warnings = byHand.warnings(name, params)
    return { provider: provider.name, operation: name, effect: operation.effect, data: shown, warnings }
  }

  #find(order: OperatorCall): { provider: Provider; operation: Operation; byHand: ByHand } {
    const { providers } = this.#parts
    const provider = providers.find(({ name }) => name === order.provider)
    if (provider === undefined)
      throw unknown('provider', `there is no provider "${order.provider}"`, order.provider, namesOf(providers))
    const { operations, byHand, vendor } = provider.source
    const operation = Object.hasOwn(operations, order.operation) ? operations[order.operation] : undefined
    if (byHand === undefined)
      throw new OperatorCallRefused('operation', `${vendor} has no operations: it is a list of yours`)
    if (operation !== undefined) return { provider, operation, byHand }
    const words = `${vendor} has no operation ${JSON.stringify(order.operation)}`
    throw unknown('operation', words, order.operation, Object.keys(operations))
  }

  #queueOf(key: string): PQueue {
    const queue = this.#queues.get(key) ?? new PQueue({ concurrency: 1 })
    this.#queues.set(key, queue)
    return queue
  }

  /** Waits until there are slots that no call with priority took, and takes all except the one that the call itself takes. */
  async #turn(window: CallWindow, slots: number, signal: AbortSignal): Promise<void> {
    const { accounts, clock } = this.#parts
    for (;;) {
      const { room, free, nextAt } = accounts.store.view.window(window)
      if (room > 0 && free >= slots) break
      const freeAt = nextAt ?? clock.now()
      await clock.sleep(Math.max(0, freeAt - clock.now()) + BEHIND_MS, signal)
    }
    // A call that counts as several takes their slots first: they stay taken as long as its own.
    for (let taken = 1; taken < slots; taken++)
      await accounts.gate(window, { priority: BY_HAND_PRIORITY, signal }, async () => {})
  }

  async #make(
    provider: Provider,
    byHand: ByHand,
    { operation, params }: OperatorCall,
    count: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { source } = provider
    const send = (ticket?: Order) => source.call(operation, params, { signal, priority: BY_HAND_PRIORITY, ticket })
    if (count === 0) return send()
    const limit = source.limitOf(operation)
    return provider.operatorOrders.spend(count, limit, send, (data) => byHand.sold(operation, params, data))
  }

  /**
   * The places or lines that the vendor lists, as values for `request:`. One call, which buys nothing.
   * @throws as `call`
   */
  async areas(name: string, signal: AbortSignal): Promise<AreasReply> {
    const { providers } = this.#parts
    const source = providers.find((provider) => provider.name === name)?.source
    if (source === undefined) throw unknown('provider', `there is no provider "${name}"`, name, namesOf(providers))
    const { areas } = source
    if (areas === undefined) throw new OperatorCallRefused('operation', `the vendor of ${name} lists no areas`)
    const { operation, params } = areas
    const { data } = await this.call({ provider: name, operation, params, yes: false }, signal)
    return { provider: name, areas: areas.read(data) }
  }

  /** Cancels waiting calls and those in progress. */
  close(): void {
    this.#stopping.abort(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
  }
}

const namesOf = (providers: readonly Provider[]) => providers.map(({ name }) => name)

function unknown(
  kind: 'provider' | 'operation',
  words: string,
  written: string,
  names: readonly string[],
): OperatorCallRefused {
  const likely = nearest(written, names)
  return new OperatorCallRefused(
    kind,
    `${words}${likely === undefined ? `: ${names.join(', ')}` : `; did you mean ${likely}?`}`,
  )
}

/** The parameter check's own message: a mistake of the operator, not of the vendor. */
async function planned(byHand: ByHand, operation: string, params: Params): Promise<number> {
  try {
    return await byHand.plan(operation, params)
  } catch (error) {
    if (error instanceof VendorError && error.class === 'bad_request')
      throw new OperatorCallRefused('parameters', error.message)
    throw error
  }
}

/** Secrets that the vendor did not generate for the call are never shown. */
function nothingGenerated(name: string): OperatorCallRefused {
  return new OperatorCallRefused('parameters', `${name} generates no password: there is nothing to reveal`)
}

/** More than the vendor allows in one window: such a call is never possible. */
function tooMany(name: string, slots: number, { calls, perMs }: CallWindow): OperatorCallRefused {
  const words = `${name} would count as ${slots} calls, and the limit is ${calls} in ${perMs / 1_000} s: name fewer`
  return new OperatorCallRefused('parameters', words)
}

function unconfirmed({ provider, operation: name, params }: OperatorCall, operation: Operation, count: number) {
  const given = Object.entries(params).map(([key, value]) => `${key}=${operation.params[key]?.secret ? '***' : value}`)
  const what = given.length === 0 ? '' : ` (${given.join(' ')})`
  const words = `${name} ${operation.about}${what}. ${consequence(operation.effect, provider, count)}. Nothing was sent: confirm it`
  return new OperatorCallRefused('unconfirmed', words)
}

function consequence(effect: Operation['effect'], provider: string, count: number): string {
  if (effect === 'changes') return `It changes the account of "${provider}"`
  if (effect === 'deletes') return `It deletes something at the account of "${provider}", perhaps permanently`
  if (count === 0) return 'It spends money, or repeats a purchase that has been counted; no address is counted'
  return count === 1
    ? `It spends money: one address, counted in the budget of "${provider}"`
    : `It spends money: up to ${count} addresses, counted in the budget of "${provider}"`
}
