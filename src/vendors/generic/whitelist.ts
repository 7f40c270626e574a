/** The whitelist of an entry's vendor: calls for one address, or for the whole list. */
import { given } from '../../given.ts'
import type { Params, RawReply } from '../contract/operation.ts'
import type { Account, Vendor } from '../contract/vendor.ts'
import { malformed, membersOf } from '../parse/reply.ts'
import { withEveryName } from '../parse/template.ts'
import { namesOf } from './call.ts'
import type { CallSettings } from './call-settings.ts'
import { teller } from './item.ts'
import { MAX_PAGES, type Page, type Paging, readPages } from './pages.ts'
import { nextPageIn, readEntries } from './reply.ts'
import type { ReplySettings, WhitelistSettings } from './reply-settings.ts'
import { fieldCut, itemCut, readSelector } from './select.ts'
import type { GenericOwn } from './settings.ts'

/** One entry of the vendor's list. */
interface Entry {
  /** As the vendor writes it: perhaps a network. Undefined for an entry of another kind, such as a login. */
  readonly ip: string | undefined
  /** Its name in other calls. */
  readonly id: string | undefined
}

/** The list, or one page of it. */
interface Entries extends Page {
  readonly entries: readonly Entry[]
}

/** Addresses and networks: `198.51.100.7`, `198.51.100.0/24`, `2001:db8::1`. */
const ADDRESS = /^[\da-f:.*/-]{2,128}$/i

const unreadable = () => malformed('an entry of the whitelist has no address where fields.ip says')

/** @throws {VendorError} also for an entry that is neither an address nor an object without one */
export function readWhitelist(
  rules: ReplySettings,
  list: WhitelistSettings & { readonly pages: Paging },
): (reply: RawReply) => Entries {
  const [columns, cut] = [fieldCut(list.fieldSeparator), itemCut(list.separator)]
  const [ip, id] = [list.fields.ip, list.fields.id].map((place) =>
    place === undefined ? undefined : readSelector(place),
  )
  return (reply) => {
    const { items, data } = readEntries(reply, rules, { list, cut })
    const entries = items.map((item) => {
      const tell = teller(columns, item, data)
      const address = tell(ip)
      const isAddress = address !== undefined && ADDRESS.test(address) && /[\d:]/.test(address)
      if (!isAddress && (address !== undefined || membersOf(item.value) === undefined)) throw unreadable()
      return { ip: address, id: tell(id) }
    })
    return { entries, listed: entries.length, ...given({ next: nextPageIn(data, list.pages) }) }
  }
}

export function whitelistOf({ operations }: GenericOwn): Pick<Vendor, 'whitelist'> {
  const { whitelistAdd, whitelistRemove, whitelistSave, whitelistEcho, whitelistList } = operations
  if (whitelistAdd === undefined) return {}
  const usesWhole = [whitelistAdd, whitelistRemove].some((call) => call !== undefined && namesOf(call).includes('ips'))
  const listed = async (account: Account) => {
    if (whitelistList === undefined) return undefined
    const pages = await readPages(
      async (numbers) => (await account.call('whitelistList', { ...numbers })) as Entries,
      whitelistList.pages,
      namesOf(whitelistList),
      ({ entries }) => JSON.stringify(entries),
    )
    // A call with the whole list would remove the entries of further pages, and those that cannot be read.
    if (pages.length === MAX_PAGES) throw malformed('the whitelist has too many pages')
    const entries = pages.flatMap((page) => page.entries)
    if (usesWhole && entries.some((entry) => entry.ip === undefined)) throw unreadable()
    return [...new Map(entries.map((one) => [`${one.ip} ${one.id}`, one])).values()]
  }
  const save = async (account: Account) => {
    if (whitelistSave !== undefined) await account.call('whitelistSave', {})
  }
  const add: NonNullable<Vendor['whitelist']>['add'] = async (ip, account) => {
    const entries = await listed(account)
    if (entries?.some((entry) => entry.ip === ip) !== true)
      await account.call('whitelistAdd', paramsOf(whitelistAdd, { ip, id: undefined }, [...(entries ?? []), { ip }]))
    await save(account) // Also what is on the list already: the call before may have failed.
  }
  // The call that replaces the list removes as well.
  const replaces = namesOf(whitelistAdd).includes('ips')
  const [name, removal] =
    whitelistRemove === undefined && replaces
      ? (['whitelistAdd', whitelistAdd] as const)
      : (['whitelistRemove', whitelistRemove] as const)
  const remove = async (ip: string, account: Account) => {
    const entries = await listed(account)
    const entry = entries === undefined ? { ip, id: undefined } : entries.find((one) => one.ip === ip)
    const others = (entries ?? []).filter((one) => one !== entry)
    if (entry === undefined || removal === undefined) return
    await account.call(name, paramsOf(removal, { ip, id: entry.id }, others))
    await save(account)
  }
  return {
    whitelist: {
      // Providers that write their keys into each call have an account of their own each, and one whitelist.
      sharedBy: new URL(withEveryName(whitelistAdd.url.reveal(), '0')).origin,
      add,
      ...(removal === undefined ? {} : { remove }),
      ...(whitelistEcho === undefined
        ? {}
        : { echo: async (account) => String((await account.call('whitelistEcho', {})) ?? '') }),
    },
  }
}

/**
 * The parameters that a call fills in.
 * @param list as it shall be
 * @throws {VendorError} when the entry has no name and the call needs one
 */
function paramsOf(
  call: CallSettings,
  { ip, id }: Entry & { readonly ip: string },
  list: readonly Pick<Entry, 'ip'>[],
): Params {
  const used = namesOf(call)
  if (used.includes('id') && id === undefined)
    throw malformed('an entry of the whitelist has no name where fields.id says')
  const ips = list.map((entry) => entry.ip).join(',')
  return { ip, ...(used.includes('ips') ? { ips } : {}), ...(used.includes('id') ? given({ id }) : {}) }
}
