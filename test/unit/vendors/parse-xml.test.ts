import { expect, it } from 'vitest'
import { readXml } from '../../../src/vendors/parse/xml.ts'

it('reads elements as members, all values as text', () => {
  expect(readXml('<r><code>007</code><list><ip>a</ip></list></r>', { lists: ['ip'] })).toEqual({
    r: { code: '007', list: { ip: ['a'] } },
  })
})

it('drops attributes, or keeps them under a prefix', () => {
  const text = '<r a="1">b</r>'
  expect([readXml(text), readXml(text, { attributePrefix: '@' })]).toEqual([
    { r: 'b' },
    { r: { '@a': '1', '#text': 'b' } },
  ])
})

it('knows the five characters, and expands nothing that a document defines', () => {
  expect(readXml('<r>&lt;&amp;&quot;&apos;&gt;</r>')).toEqual({ r: '<&"\'>' })
  expect(JSON.stringify(readXml('<!DOCTYPE r [<!ENTITY x "boom">]><r>&x;</r>') ?? null)).not.toContain('boom')
})

it.each(['<r><a>', '<r></q>', '', 'no markup <'])('is undefined for what is not whole: %s', (text) => {
  expect(readXml(text)).toBeUndefined()
})
