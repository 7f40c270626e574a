/** Bodies that the admin port reads, and how it refuses them. */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { readBody } from '../../../src/admin/api/body.ts'
import { testSourceOrder } from '../../../src/admin/api/schemas/vendor-calls.ts'

const sent = (body: string) => new Request('http://127.0.0.1/', { method: 'POST', body })

async function read(body: string, schema: z.ZodType) {
  const answer = await readBody(sent(body), schema)
  return answer instanceof Response ? ((await answer.json()) as { detail: string }).detail : answer
}

const optional = z.strictObject({ rest: z.string().optional() })
const required = z.strictObject({ host: z.string() })

it.each(['', ' \r\n'])('a body may be left out where every member may: %j', async (body) => {
  expect(await read(body, optional)).toEqual({})
  expect(await read(body, required)).toBe('host: is missing')
})

it('what is there has to be JSON', async () => {
  expect(await read('{"rest":', optional)).toBe('the body is not JSON')
  expect(await read('rest=10m', optional)).toBe('the body is not JSON')
})

it.each([
  ['{"url":"nonsense"}', 'url: write a link that begins with http:// or https://'],
  ['{"url":5}', 'url: must be text: put it in quotes'],
  ['{"provider":5}', 'provider: must be text: put it in quotes'],
  ['{"provider":"a","tri":"http://a.example/"}', 'tri: unknown key; did you mean try?'],
  ['{"url":"https://a.example/","produkt":"x"}', 'produkt: unknown key; did you mean product?'],
  ['{"url":"nonsense","try":"http://a.example/"}', 'url: write a link that begins with http:// or https://'],
])('a body with several shapes is explained by the one that fits best: %s', async (body, detail) => {
  expect(await read(body, testSourceOrder)).toBe(detail)
})
