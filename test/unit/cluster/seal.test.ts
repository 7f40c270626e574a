import { expect, it } from 'vitest'
import { PoolEntries } from '../../../src/cluster/pool-entry.ts'
import { Seal } from '../../../src/cluster/seal.ts'
import { Secret } from '../../../src/secret.ts'
import { ServerTime } from '../../../src/store/redis/server-time.ts'

const seal = new Seal(new Secret('a secret of the cluster'), 'crawlers')

it('opens what was sealed with the same secret for the same place, and nothing else', () => {
  const sealed = seal.seal('login', 'address-1')
  expect(sealed).not.toContain('login')
  expect(seal.open(sealed, 'address-1')).toBe('login')
  expect(seal.open(sealed, 'address-2')).toBeUndefined()
  expect(new Seal(new Secret('another secret of it'), 'crawlers').open(sealed, 'address-1')).toBeUndefined()
  expect(new Seal(new Secret('a secret of the cluster'), 'others').open(sealed, 'address-1')).toBeUndefined()
  const changed = Buffer.from(sealed, 'base64')
  changed[20] = (changed[20] ?? 0) ^ 1
  expect(seal.open(changed.toString('base64'), 'address-1')).toBeUndefined()
  expect(seal.open('short', 'address-1')).toBeUndefined()
})

it('names sessions without telling what the client wrote', () => {
  expect(seal.digest('user basket')).toMatch(/^[\w-]{27}$/)
  expect(seal.digest('user basket')).toBe(seal.digest('user basket'))
  expect(seal.digest('user basket')).not.toBe(seal.digest('user other'))
})

it('carries an address to another host: its login sealed, its lives never longer there', () => {
  const [mine, theirs] = [new ServerTime(), new ServerTime()]
  // The server's clock is 10 s ahead of this host's and 7 s behind the other one's; each answer took 4 ms.
  mine.note(1_000, 1_004, 11_002)
  theirs.note(18_000, 18_004, 11_002)
  const facts = {
    ...({ id: 'x', provider: 'p', protocol: 'http', host: '10.0.0.1', port: 80, username: 'u' } as const),
    ...{ password: new Secret('hidden'), boughtAt: 900, deadline: 61_000 },
  }
  const written = new PoolEntries(seal, mine).write({ facts, vendorDeadline: 62_000 })
  expect(JSON.stringify(written)).not.toContain('hidden')
  const read = new PoolEntries(seal, theirs).read('x', written.entry, false)
  expect(read?.facts.password?.reveal()).toBe('hidden')
  expect(read?.state).toBe('alive')
  const exactly = 61_000 + 17_000
  expect(read?.facts.deadline).toBeLessThanOrEqual(exactly)
  expect(read?.facts.deadline).toBeGreaterThan(exactly - 9)
  expect(read?.vendorDeadline).toBeGreaterThanOrEqual(exactly + 1_000)
  expect(new PoolEntries(seal, theirs).read('y', written.entry, false)).toBeUndefined()
})
