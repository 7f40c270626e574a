/** The calls of an entry, as the operations of a vendor's table. */
import { given } from '../../given.ts'
import { partOf } from '../contract/limit.ts'
import type { Operation, Param, Params, RawReply } from '../contract/operation.ts'
import type { Values } from '../parse/template.ts'
import { composed, namesOf } from './call.ts'
import type { CallSettings, LimitSettings } from './call-settings.ts'
import { itemFilter, itemReader } from './item.ts'
import { LOGIN, readLogin } from './login.ts'
import type { Paging } from './pages.ts'
import { type ListReading, readAnswer, readList } from './reply.ts'
import type { ListSettings, ReplySettings } from './reply-settings.ts'
import { fieldCut, itemCut, readPath } from './select.ts'
import type { GenericOwn, OperationName } from './settings.ts'
import { readWhitelist } from './whitelist.ts'

export const EXTRACT = 'extract'
/** Documents that state a maximum state a larger one. */
const DEFAULT_PER_CALL = 10

/** One call of an entry, ready to be made. */
export interface OpenCall {
  readonly settings: CallSettings
  readonly operation: Operation
  /** @throws {VendorError} */
  readonly read: (reply: RawReply) => unknown
}

export function usesNum(own: GenericOwn): boolean {
  return namesOf(own).includes('num')
}

export function maxPerCallOf(own: GenericOwn): number {
  return own.maxPerCall ?? (usesNum(own) ? DEFAULT_PER_CALL : 1)
}

/** All calls of an entry, by the names of their operations. */
export function openCalls(own: GenericOwn): Readonly<Record<string, OpenCall>> {
  const { login, operations } = own
  const { query, whitelistList } = operations
  const written = Object.entries(operations) as [OperationName, GenericOwn['operations'][OperationName]][]
  const calls: [string, OpenCall][] = written.flatMap(([name, call]): [string, OpenCall][] => {
    if (call === undefined) return []
    const settings = { ...call, sign: call.sign ?? own.sign }
    const rules = rulesOf(own, call)
    const value = 'value' in call ? call.value : undefined
    const read =
      name === 'query'
        ? readerOfList(rules, { ...own, ...listKeysOf(query ?? {}) }, own.owned)
        : name === 'whitelistList' && whitelistList !== undefined
          ? readWhitelist(rules, whitelistList)
          : (reply: RawReply) => readAnswer(reply, rules, value)
    return [[name, open(own, name, settings, call.limit, purposeOf(name, settings), read)]]
  })
  const num = numberOf(maxPerCallOf(own))
  const extract = own.owned
    ? { ...purposes.query, params: { num: { ...num, default: num.max }, ...pageParams(own.pages.first) } }
    : { ...purposes.extract, params: { num } }
  calls.push([EXTRACT, open(own, EXTRACT, own, own.limit, extract, readerOfList(own, own, own.owned))])
  if (login !== undefined) {
    const rules = rulesOf(own, login)
    const secrets = { [lastNameOf(login.token)]: 'all', outside: 'all' } as const
    calls.push([LOGIN, open(own, LOGIN, login, login.limit, { ...purposes.login, secrets }, readLogin(login, rules))])
  }
  return Object.fromEntries(calls)
}

function open(
  own: GenericOwn,
  name: string,
  settings: CallSettings,
  limits: LimitSettings,
  { about, effect, params = {}, reply, secrets = {} }: Purpose,
  read: OpenCall['read'],
): OpenCall {
  const keys = Object.fromEntries(Object.entries(own.credentials).map(([name, value]) => [name, value.reveal()]))
  const filled = [...(own.login === undefined ? [] : ['token']), ...(settings.sign ?? []).map(({ name }) => name)]
  const { group, first, further } = windowsOf(own, name, limits)
  const operation: Operation = {
    about,
    document: 'none: the entry in gateway.yaml',
    method: settings.method,
    path: '',
    params: { ...params, ...Object.fromEntries(filled.map((name) => [name, hidden(name)])) },
    limit: () => ({ calls: first.calls, perMs: first.perMs }),
    ...(further.length > 0 ? { furtherLimits: further } : {}),
    effect,
    ...given({ limitGroup: group, reply, quantity: effect === 'buys' ? ['num'] : undefined }),
    secrets: { password: 'all', token: 'all', ...secrets },
    compose: (values) => composed(settings, { ...keys, ...asText(values) }),
  }
  return { settings, operation, read }
}

/** The windows of a call. The one that is soonest free again comes first: calls wait for that one. */
function windowsOf(own: GenericOwn, name: string, limits: LimitSettings) {
  const shareOfAll = own.limit.find(({ share }) => share !== undefined)?.share ?? 1
  const [first = { group: undefined, calls: 1, perMs: 1_000 }, ...further] = limits
    .map(({ calls, per, group, share = shareOfAll }) => ({ ...partOf({ calls, perMs: per }, share), group }))
    .toSorted((a, b) => a.perMs - b.perMs)
  const named = further.map(({ group, ...window }) => ({ ...window, group: group ?? `${name} in ${window.perMs} ms` }))
  return { first, group: first.group, further: named }
}

/** An address with the name `host:port` can be named by its parts too. */
function asText(values: Params): Values {
  const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
  const [, host, port] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(texts['ref'] ?? '') ?? []
  return host === undefined || port === undefined ? texts : { host, port, ...texts }
}

/** Keys that may be missing. */
type Written<T> = { readonly [Name in keyof T]?: T[Name] | undefined }

// --- Replies ------------------------------------------------------------------------------------------------------

/** Keys that a call does not have are taken from the top of the entry. */
function rulesOf(own: GenericOwn, call: Written<ReplySettings>): ReplySettings {
  return {
    format: call.format ?? own.format,
    success: call.success ?? ((call.format ?? own.format) === own.format ? own.success : undefined),
    errors: [...(call.errors ?? []), ...own.errors],
  }
}

function readerOfList(rules: ReplySettings, list: ListReading['list'], isRented: boolean): OpenCall['read'] {
  const columns = fieldCut(list.fieldSeparator)
  const item = itemReader(list.fields, columns, isRented)
  const reading = { rules, list, item, isMeant: itemFilter(list.only, columns), cut: itemCut(list.separator) }
  return (reply) => readList(reply, reading)
}

/** A query reads its items like the extraction, except for its own keys. */
function listKeysOf(query: Written<ListSettings>): Partial<ListSettings> {
  const { items, only, separator, fieldSeparator, fields, balance } = query
  return given({ items, only, separator, fieldSeparator, fields, balance })
}

/** The member at the end of a path, to which members of a list belong too; `$` for the whole reply. */
function lastNameOf(path: string | undefined): string {
  const names = readPath(path ?? '$').flatMap((step) => ('key' in step && !/^\d+$/.test(step.key) ? [step.key] : []))
  return names.at(-1) ?? '$'
}

// --- What each call is for ----------------------------------------------------------------------------------------

interface Purpose {
  readonly about: string
  readonly effect: Operation['effect']
  readonly params?: Readonly<Record<string, Param>>
  readonly reply?: string
  readonly secrets?: Operation['secrets']
}

// Required with a default: a call by hand reads the first page.
const pageParams = (first: number) => ({ page: { ...page, default: first }, offset, cursor })
const page: Param = { type: 'integer', min: 0, required: true, managed: true, about: 'fills {page}', term: '{page}' }
const offset: Param = { ...page, default: 0, about: 'fills {offset}', term: '{offset}' }
const cursor: Param = {
  type: 'string',
  required: true,
  default: '',
  managed: true,
  about: 'fills {cursor}',
  term: '{cursor}',
}
const address: Param = { type: 'string', required: true, about: 'an IP address', term: '{ip}' }
const ref: Param = {
  type: 'string',
  required: true,
  about: 'what names the address, host:port by default',
  term: '{ref}',
}

const ips: Param = { type: 'string', about: 'the whole list, with commas between', term: '{ips}' }
const id: Param = { type: 'string', about: 'what names the entry of the list', term: '{id}' }

/** A call has only those of the whitelist's parameters that it fills in. */
function purposeOf(name: OperationName, settings: CallSettings & { readonly pages?: Paging }): Purpose {
  const purpose = purposes[name]
  if (settings.pages !== undefined) return { ...purpose, params: pageParams(settings.pages.first) }
  if (name !== 'whitelistAdd' && name !== 'whitelistRemove') return purpose
  const used = namesOf(settings)
  const more = Object.entries({ ips, id }).filter(([param]) => used.includes(param))
  return { ...purpose, params: { ...purpose.params, ...Object.fromEntries(more) } }
}

const purposes: Readonly<Record<OperationName | 'extract' | 'login', Purpose>> = {
  extract: {
    about: 'takes addresses by the call that the entry describes',
    effect: 'buys',
    reply: '{sold: [address], rejected: [reason], balance}',
  },
  query: { about: 'lists what the account holds', effect: 'reads', reply: '{sold: [address], rejected: [reason]}' },
  release: { about: 'gives an address back', effect: 'changes', params: { ref } },
  whitelistAdd: { about: 'puts an address on the whitelist', effect: 'changes', params: { ip: address } },
  whitelistRemove: { about: 'takes an address off the whitelist', effect: 'changes', params: { ip: address } },
  whitelistSave: { about: 'makes changes of the whitelist take effect', effect: 'changes' },
  whitelistList: {
    about: 'lists the addresses on the whitelist',
    effect: 'reads',
    reply: '{entries: [{ip, id}], next}',
  },
  whitelistEcho: { about: 'tells under which address the vendor sees us', effect: 'reads' },
  balance: { about: 'tells what is left on the account', effect: 'reads' },
  login: { about: 'brings the token that the other calls carry', effect: 'reads' },
}

/** Names that a call for one page of a list may use. */
export const PAGE_PARAMS = ['page', 'offset', 'cursor']

/** Names that a call of each purpose may use, beside the general ones. */
export const paramsOf: Readonly<Record<keyof typeof purposes, readonly string[]>> = {
  extract: ['num'],
  query: [],
  release: ['ref', 'host', 'port'],
  whitelistAdd: ['ip', 'ips'],
  whitelistRemove: ['ip', 'ips', 'id'],
  whitelistSave: [],
  whitelistList: PAGE_PARAMS,
  whitelistEcho: [],
  balance: [],
  login: [],
}

function numberOf(max: number): Param & { readonly max: number } {
  const about = 'how many addresses: fills {num}'
  return { type: 'integer', min: 1, max, required: true, default: 1, managed: true, about, term: '{num}' }
}

function hidden(name: string): Param {
  return { type: 'string', managed: true, secret: true, about: `fills {${name}}`, term: `{${name}}` }
}
