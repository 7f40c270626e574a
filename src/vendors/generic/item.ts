/** Converts one item of a list to an address: by the columns of a text, or by the members of an object. */

import { isIP } from 'node:net'
import { formatAuthority } from '../../address.ts'
import { given } from '../../given.ts'
import type { ProxyRecord } from '../contract/delivery.ts'
import { PROTOCOLS, parseEndpoint } from '../parse/address.ts'
import { secretOf } from '../parse/items.ts'
import { shapeOf, textOf } from '../parse/reply.ts'
import type { Outside } from './headers.ts'
import { lifeReader, type Tell } from './life.ts'
import type { Fields, ListSettings } from './reply-settings.ts'
import { type Cut, ownPlace, type Path, type Placed, readSelector, type Selector, valueAt } from './select.ts'

type ItemReading = { readonly sold: ProxyRecord } | { readonly reason: string }
/** An item with its place in the reply. */
export interface Item extends Placed {
  /** The name under which it stands: its own in an object of items, else that of the group at the last `*` of `items`. */
  readonly name?: string | undefined
}

/** @param reply the whole reply */
export type ItemReader = (item: Item, reply: unknown) => ItemReading

type Fact = Exclude<keyof Fields, 'deadline' | 'ttl' | 'start'>

/** @param columns splits an item that is a text @param isRented for a list of addresses that the account rents */
export function itemReader(fields: Fields, columns: Cut, isRented = false): ItemReader {
  const places = selectorsOf(fields)
  const life = lifeReader(fields, isRented)
  return (item, reply) => {
    const tell = teller(columns, item, reply)
    const fact = (name: Fact) => tell(places.get(name))
    const written = addressOf(fact)
    const endpoint = written === undefined ? undefined : parseEndpoint(written)
    if (endpoint === undefined) return { reason: reasonOf(item.value, places, written) }
    const named = fact('protocol')
    const protocol = named === undefined ? (endpoint.protocol ?? 'http') : PROTOCOLS.get(named.toLowerCase())
    if (protocol === undefined) return { reason: 'its protocol is none of http, https, socks5' }
    const { host, port } = endpoint
    return {
      sold: {
        ...endpoint,
        ...loginOf(fact),
        protocol,
        life: life(tell),
        ...factsOf(fact, host),
        ref: fact('ref') ?? formatAuthority(host, port),
      },
    }
  }
}

/** Whether an item can be used, if it has a state. */
export type ItemFilter = (item: Item, reply: unknown) => boolean

export function itemFilter(only: ListSettings['only'], columns: Cut): ItemFilter {
  if (only === undefined) return () => true
  const place = readSelector(only.field)
  return (item, reply) => only.is.includes(teller(columns, item, reply)(place)?.trim() ?? '')
}

function selectorsOf(fields: Fields): ReadonlyMap<Fact, Selector> {
  const { deadline: _, ttl: __, start: ___, ...facts } = fields
  const written = Object.entries(facts) as [Fact, string | number | undefined][]
  return new Map(written.flatMap(([name, value]) => (value === undefined ? [] : [[name, readSelector(value)]])))
}

/** A row of a JSON table has columns like a text. */
export function teller(columns: Cut, { value: item, keys, name }: Item, reply: unknown, outside?: Outside): Tell {
  const text = textOf(item)
  const row = Array.isArray(item) ? (item as unknown[]) : text === undefined ? undefined : columns(text)
  return (selector) => {
    if (selector === undefined) return undefined
    if (typeof selector === 'number') return textOf(row?.[selector - 1])
    if (selector === 'key') return name
    const { of, path } = selector
    if (of === 'header' || of === 'cookie') return outside === undefined ? undefined : textOutside(outside, of, path)
    const value = of === 'reply' ? valueAt(reply, ownPlace(path, keys)) : valueAt(item, path)
    return typeof value === 'boolean' ? String(value) : textOf(value)
  }
}

/** Names of header fields are the same in any letter case. */
function textOutside(outside: Outside, of: 'header' | 'cookie', [step]: Path): string | undefined {
  const name = step !== undefined && 'key' in step ? step.key : ''
  const values = outside[of]
  const key = of === 'header' ? name.toLowerCase() : name
  return Object.hasOwn(values, key) ? textOf(values[key]) : undefined
}

/** As the vendor writes it; undefined when it is not where `fields` says. */
function addressOf(fact: (name: Fact) => string | undefined): string | undefined {
  const [address, host, port] = [fact('address'), fact('host'), fact('port')]
  if (address !== undefined || host === undefined || port === undefined) return address
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

function loginOf(fact: (name: Fact) => string | undefined): Pick<ProxyRecord, 'username' | 'password'> {
  const [username, password] = [fact('username'), fact('password')]
  if (username === undefined) return {}
  return { username, ...given({ password: secretOf(password) }) }
}

function factsOf(fact: (name: Fact) => string | undefined, host: string): Partial<ProxyRecord> {
  const exit = fact('exit')
  return given({ exit: exit === host ? undefined : exit, ...places(fact) })
}

function places(fact: (name: Fact) => string | undefined) {
  return { country: fact('country'), area: fact('area'), city: fact('city'), isp: fact('isp') }
}

function reasonOf(item: unknown, places: ReadonlyMap<Fact, Selector>, written: string | undefined): string {
  const text = textOf(item)
  const isByColumn = [...places.values()].some((place) => typeof place === 'number')
  if (written !== undefined) return `not an address: ${shapeOf(written)}`
  if (text === undefined && !Array.isArray(item) && isByColumn)
    return 'an item is an object: fields must name its members, as in host: ip'
  if (text !== undefined && !isByColumn) return 'an item is a text: fields must number its columns, as in address: 1'
  return text === undefined ? 'an item has no address where fields says' : `not an address: ${shapeOf(text)}`
}
