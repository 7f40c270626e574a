import { beforeEach, describe, expect, it } from 'vitest'
import { Admission, type AdmittedConnection } from '../../../src/downstream/admission.ts'

let admission: Admission
let displaced: number
let closed: string[]
/** How often the address of a connection was read. */
let addressReads: number

interface Connection extends AdmittedConnection {
  readonly name: string
}

function build(max: number): void {
  admission = new Admission(max, () => void displaced++, 128)
  displaced = 0
  closed = []
  addressReads = 0
}

function connect(name: string, address = '192.0.2.1'): Connection {
  const connection: Connection = {
    name,
    admission: undefined,
    get clientAddress() {
      addressReads++
      return address
    },
    destroy() {
      closed.push(name)
      // The socket's 'close' comes later; it must change nothing.
      admission.remove(connection)
    },
  }
  admission.add(connection)
  return connection
}

const several = (count: number, prefix: string, address?: string) =>
  Array.from({ length: count }, (_, n) => connect(`${prefix}${n}`, address))

beforeEach(() => build(60))

describe('silent connections', () => {
  it('lock nobody out, from the same address either', () => {
    several(60, 'silent')
    expect([admission.identify(connect('user')), closed]).toEqual([true, []])
    several(1_000, 'more')
    expect(admission.identify(connect('another user'))).toBe(true)
    // 128 is the least that may be unidentified.
    expect([admission.size, displaced]).toEqual([2 + 127, 60 + 1_000 + 1 - 128])
  })

  it('are closed in the order in which they came', () => {
    several(130, 's')
    connect('latest')
    expect(closed).toEqual(['s0', 's1', 's2'])
  })

  it('have a quarter of limits.connections per address, and half in all', () => {
    build(4_000)
    several(1_200, 'a', '192.0.2.1')
    expect([admission.size, closed.length, closed[0]]).toEqual([1_000, 200, 'a0'])
    several(900, 'b', '192.0.2.2')
    several(200, 'c', '192.0.2.3')
    // The address with the most makes room.
    expect([admission.size, closed.slice(200)]).toEqual([2_000, Array.from({ length: 100 }, (_, n) => `a${n + 200}`)])
  })

  it('of one IPv6 network count together', () => {
    for (let n = 0; n < 200; n++) connect(`x${n}`, `2001:db8:0:7::${n.toString(16)}`)
    connect('other', '2001:db8:0:8::1')
    expect([admission.size, closed.includes('other')]).toEqual([128, false])
  })
})

describe('connections that have logged in', () => {
  it('are never displaced, and are as many as limits.connections', () => {
    const users = several(60, 'user')
    expect(users.map((user) => admission.identify(user))).toEqual(users.map(() => true))
    const late = connect('late')
    expect([admission.identify(late), admission.size]).toEqual([false, 61])
    several(500, 'silent')
    expect([closed.filter((name) => name.startsWith('user')), admission.size]).toEqual([[], 60 + 128])
    const [first] = users
    if (first !== undefined) admission.remove(first)
    expect(admission.identify(connect('next'))).toBe(true)
  })

  it('are counted once, however often they ask and whatever happens after they were displaced', () => {
    const user = connect('user')
    expect([admission.identify(user), admission.identify(user), admission.size]).toEqual([true, true, 1])
    const silent = connect('silent')
    several(128, 's')
    expect([closed[0], admission.identify(silent), admission.size]).toEqual(['silent', false, 129])
    admission.remove(silent)
    admission.remove(user)
    expect(admission.size).toBe(128)
  })
})

it('reads no address while there are few unidentified connections', () => {
  build(10_000)
  for (let n = 0; n < 5_000; n++) admission.identify(connect(`user${n}`))
  several(1_000, 's')
  expect(addressReads).toBe(0)
})

it('where descriptors are scarce, fewer may be open without a login', () => {
  let displacedNow = 0
  const scarce = new Admission(2, () => void displacedNow++, 3)
  const open = new Set<string>()
  for (let n = 0; n < 20; n++) {
    open.add(`${n}`)
    scarce.add({ admission: undefined, clientAddress: '127.0.0.1', destroy: () => void open.delete(`${n}`) })
  }
  expect([scarce.size, [...open], displacedNow]).toEqual([3, ['17', '18', '19'], 17])
})
