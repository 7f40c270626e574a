import fc from 'fast-check'
import { expect } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { Accumulator } from '../../src/structures/accumulator.ts'

/** What came of feeding octets to a parser: its value and what was left over, `incomplete`, or the error's code and words. */
export type Outcome =
  | { readonly value: unknown; readonly rest: string }
  | { readonly code: string; readonly words: string }
  | 'incomplete'

type Parse = (bytes: Buffer) => { readonly value: unknown; readonly size: number } | undefined

/** Feeds the pieces one after the other, as a connection does. @throws whatever is no GatewayError */
export function feed(parse: Parse, pieces: readonly Buffer[]): Outcome {
  const received = new Accumulator()
  try {
    for (const [at, piece] of pieces.entries()) {
      received.push(piece)
      const parsed = parse(received.bytes)
      if (parsed === undefined) continue
      const rest = Buffer.concat([received.bytes.subarray(parsed.size), ...pieces.slice(at + 1)])
      return { value: parsed.value, rest: rest.toString('hex') }
    }
    return 'incomplete'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return { code: error.code, words: error.message }
  }
}

/** Cuts octets at the given offsets; the pieces may share a buffer that is overwritten after each read, as sockets do it. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const offsets = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...offsets].map((from, i) => bytes.subarray(from, offsets[i] ?? bytes.length))
}

/** A message is read alike however it is split, and what follows it is left alone. */
export function expectAlike(parse: Parse, message: Buffer, following: Buffer, at: readonly number[]): void {
  const bytes = Buffer.concat([message, following])
  const whole = feed(parse, [bytes])
  expect(whole).toMatchObject({ rest: following.toString('hex') })
  expect(feed(parse, cutAt(bytes, at))).toEqual(whole)
  const octets = [...bytes].map((octet) => Buffer.from([octet]))
  expect(feed(parse, octets)).toEqual(whole)
}

export const cuts = fc.array(fc.nat(2_000), { maxLength: 12 })

/** A message with a few octets changed, so that it fails in the middle as often as at the start. */
export function damaged(message: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const changes = fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 3 })
  return fc.tuple(message, changes, fc.nat(600)).map(([original, edits, length]) => {
    const bytes = Buffer.from(original)
    for (const [at, octet] of edits) if (at < bytes.length) bytes[at] = octet
    return length < 5 ? bytes.subarray(0, Math.floor((bytes.length * length) / 5)) : bytes
  })
}

export const junk = fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes))
