import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Accumulator } from '../../../src/structures/accumulator.ts'

it('accumulates any pieces to the same octets, and keeps none of the caller’s memory', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 30 })
  fc.assert(
    fc.property(pieces, (list) => {
      const received = new Accumulator()
      const reused = Buffer.alloc(80)
      for (const piece of list) {
        reused.set(piece)
        received.push(reused.subarray(0, piece.length))
        reused.fill(0xaa)
      }
      const whole = Buffer.concat(list)
      expect(received.length).toBe(whole.length)
      expect(received.bytes.equals(whole)).toBe(true)
    }),
  )
})
