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

it('an accumulator gives back what was pushed and not dropped, wherever it was cut', () => {
  const step = fc.tuple(fc.uint8Array({ maxLength: 30 }), fc.double({ min: 0, max: 1, noNaN: true }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const accumulator = new Accumulator()
      let expected = Buffer.alloc(0)
      for (const [piece, part] of steps) {
        accumulator.push(Buffer.from(piece))
        expected = Buffer.concat([expected, piece])
        const dropped = Math.floor(part * expected.length)
        accumulator.dropFirst(dropped)
        expected = expected.subarray(dropped)
        expect(accumulator.bytes.equals(expected)).toBe(true)
        expect(accumulator.length).toBe(expected.length)
      }
    }),
  )
})
