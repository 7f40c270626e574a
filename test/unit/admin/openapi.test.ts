/** The OpenAPI document, the table of operations and docs/admin-api.md say the same. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { openApiDocument } from '../../../src/admin/api/openapi.ts'
import type { Operation } from '../../../src/admin/api/operation.ts'
import { operations } from '../../../src/admin/api/operations.ts'
import { problems } from '../../../src/admin/api/problem.ts'

const read = (path: string) => readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8')
const document = openApiDocument()
const all = Object.values<Operation>(operations)

it('is what is committed', () => {
  expect(JSON.parse(read('openapi.json'))).toEqual(document)
})

it('lets a body be left out where every member may be', () => {
  const paths = document['paths'] as Record<string, { post: { requestBody: { required: boolean } } }>
  const isRequired = (path: string) => paths[path]?.post.requestBody.required
  expect(isRequired('/v1/upstreams/{id}/rest')).toBe(false)
  expect(isRequired('/v1/upstreams/{id}/report')).toBe(true)
})

it('has every schema that it refers to', () => {
  const { schemas } = document['components'] as { schemas: Record<string, object> }
  const references = Array.from(JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g), ([, id]) => id)
  expect(Object.keys(schemas)).toEqual(expect.arrayContaining([...new Set(references)]))
})

it('names each operation once, with the parameters of its path', () => {
  const places = all.map(({ method, path }) => `${method} ${path}`)
  expect(new Set(places).size).toBe(places.length)
  for (const { path, params = {} } of all) {
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
    expect(inPath).toEqual(Object.keys(params))
  }
})

it('describes every member of every schema', () => {
  const { schemas } = document['components'] as { schemas: Record<string, { properties?: object }> }
  const silent = Object.entries(schemas).flatMap(([id, { properties = {} }]) =>
    Object.entries(properties).flatMap(([name, property]) =>
      'description' in property || JSON.stringify(property).includes('$ref') ? [] : [`${id}.${name}`],
    ),
  )
  expect(silent).toEqual([])
})

it('knows every code that an operation may answer with', () => {
  const codes = all.flatMap(({ problems: own = [] }) => own)
  for (const code of codes) expect(problems).toHaveProperty(code)
})

it('is told in docs/admin-api.md: every operation has a section, and no other has', () => {
  const sections = Array.from(read('admin-api.md').matchAll(/^### (GET|POST) (\S+)/gm), ([, method, path]) => {
    return `${method?.toLowerCase()} ${path}`
  })
  expect(sections.toSorted()).toEqual(all.map(({ method, path }) => `${method} ${path}`).toSorted())
})
