import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Secret } from '../../../src/secret.ts'
import { SocksClient } from '../../../src/socks/client.ts'
import { cutAt, cuts, damaged, junk } from '../../support/splits.ts'

const login = { username: 'user', password: new Secret('pass') }

const method = fc.constantFrom('0500', '05020100', '05020101', '05ff', '05020500')
const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((ip) => Buffer.from([1, ...ip])),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((ip) => Buffer.from([4, ...ip])),
  fc.uint8Array({ maxLength: 255 }).map((name) => Buffer.from([3, name.length, ...name])),
)
const reply = fc
  .tuple(fc.constantFrom(0, 0, 0, 1, 5, 8, 200), address, junk)
  .map(([rep, bound, early]) => Buffer.concat([Buffer.from([5, rep, 0]), bound, Buffer.from([0, 80]), early]))
const conversation = fc
  .tuple(method, reply)
  .map(([first, second]) => Buffer.concat([Buffer.from(first, 'hex'), second]))

/** Every step, and what is left of the octets; reads share a buffer that is overwritten, as those of sockets do. */
function stepsOf(pieces: readonly Buffer[]): string[] {
  const one = new SocksClient(login)
  const steps: string[] = []
  let early = ''
  const shared = Buffer.alloc(2_000)
  for (const piece of pieces) {
    if (steps.at(-1) === 'opened') early += piece.toString('hex')
    one.receive(shared.subarray(0, piece.copy(shared)))
    for (let step = one.next(); step !== undefined; step = one.next()) {
      steps.push(step.kind === 'refused' ? `refused ${step.reply}` : step.kind)
      if (step.kind === 'opened') early += step.early?.toString('hex') ?? ''
      if (step.kind === 'ready') one.request({ host: 'a.example', port: 80 })
    }
  }
  return [...steps, early]
}

it('any split of the octets gives the same result', () => {
  fc.assert(
    fc.property(fc.oneof(conversation, damaged(conversation), junk), cuts, (octets, at) => {
      expect(stepsOf(cutAt(octets, at))).toEqual(stepsOf([octets]))
    }),
  )
})

it('no octets break it, and it ends at most once', () => {
  fc.assert(
    fc.property(fc.oneof(damaged(conversation), junk), cuts, (octets, at) => {
      const ends = stepsOf(cutAt(octets, at)).filter((step) => /^(opened|refused .*|login|garbage)$/.test(step))
      expect(ends.length).toBeLessThanOrEqual(1)
    }),
  )
})
