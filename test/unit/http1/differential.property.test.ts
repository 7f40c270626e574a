/**
 * The codec beside Node's own strict parser. What the codec accepts Node accepts, with the same framing; what Node refuses
 * the codec refuses. The exceptions, each with its reason:
 *
 * - Methods that Node does not know: RFC 9110 section 9.1 has any token, and a proxy passes on what it does not know.
 * - Answers whose chunk sizes are padded with spaces, or have extensions that are not well-formed: some servers write them,
 *   the gateway drops both and writes the chunks anew.
 * - Answers with space before a colon: a proxy removes it (RFC 9112 section 5.1).
 * - A tab behind the last transfer coding: RFC 9110 section 5.5 leaves it out, and the gateway writes the field anew.
 */
import { METHODS } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { perhapsChanged, requests, response } from '../../support/http-corpus.ts'
import {
  hasSpaceBeforeColon,
  hasTabBehindCoding,
  nodeReadsRequests,
  nodeReadsResponse,
  type Reading,
  readRequests,
  readResponse,
} from '../../support/http-differential.ts'
import { BEHIND, brokenBodies, forwarded, post, refused, TE } from '../../support/smuggling-corpus.ts'
import { cutAt, cuts } from '../../support/splits.ts'

/** DIFFERENTIAL_RUNS: more of them, by hand. */
const RUNS = Number(process.env['DIFFERENTIAL_RUNS'] ?? 1_000)
/** Node's parser takes a second for all of them, on a machine that does nothing else. */
const PATIENCE_MS = 60 * RUNS

const smuggling = Object.fromEntries([
  ...Object.entries(refused),
  ...Object.entries(brokenBodies).map(([what, body]) => [what, post(TE, body)] as const),
  ...Object.entries(forwarded).map(([what, [request]]) => [what, request + BEHIND] as const),
])

const known = new Set(METHODS)
const isOfUnknownMethod = ({ messages }: Reading) => messages.some(({ start }) => !known.has(start.split(' ')[0] ?? ''))

describe('requests', () => {
  it(
    'are read as Node’s strict parser reads them, or refused',
    async () => {
      let accepted = 0
      let refused = 0
      await fc.assert(
        fc.asyncProperty(perhapsChanged(requests), async (bytes) => {
          const own = readRequests([bytes])
          const node = await nodeReadsRequests(bytes)
          if (isOfUnknownMethod(own) || hasTabBehindCoding(bytes)) return
          if (own.end === 'open') {
            accepted++
            expect(node).toEqual(own)
          }
          if (node.end !== 'refused') return
          refused++
          expect(own.end).not.toBe('open')
        }),
        { numRuns: RUNS },
      )
      // Both kinds are tested, not one alone.
      expect([accepted > 100, refused > 100]).toEqual([true, true])
    },
    PATIENCE_MS,
  )

  it(
    'are read the same however they are split',
    () => {
      fc.assert(
        fc.property(perhapsChanged(requests), cuts, (bytes, at) => {
          const whole = readRequests([bytes])
          expect(readRequests(cutAt(bytes, at))).toEqual(whole)
          expect(readRequests(Array.from(bytes, (octet) => Buffer.from([octet])))).toEqual(whole)
        }),
        { numRuns: RUNS },
      )
    },
    PATIENCE_MS,
  )

  it('of the smuggling corpus are read the same wherever they are cut in two', () => {
    for (const [what, text] of Object.entries(smuggling)) {
      const bytes = Buffer.from(text, 'latin1')
      const whole = readRequests([bytes])
      for (let at = 1; at < bytes.length; at++)
        expect([what, at, readRequests(cutAt(bytes, [at]))]).toEqual([what, at, whole])
    }
  })
})

describe('answers', () => {
  it(
    'are read as Node’s strict parser reads them, or refused',
    async () => {
      await fc.assert(
        fc.asyncProperty(perhapsChanged(response), async (bytes) => {
          if (hasSpaceBeforeColon(bytes) || hasTabBehindCoding(bytes)) return
          const own = readResponse(bytes, false)
          const node = await nodeReadsResponse(bytes)
          // Node's client waits for the answer behind an interim one.
          if (own.messages.some((message) => message.start.startsWith('1'))) return
          if (own.end === 'open' && own.messages.length > 0) expect(node).toMatchObject({ messages: own.messages })
          if (node.end === 'refused' && node.messages.length === 0) expect(own.end).not.toBe('open')
          // What is lenient differs in the chunks' padding alone, never in the body.
          const lenient = readResponse(bytes)
          if (own.end === 'open') expect(lenient).toEqual(own)
        }),
        { numRuns: RUNS },
      )
    },
    PATIENCE_MS,
  )
})
