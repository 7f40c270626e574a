/** JSON as it is printed in the vendors' documents, which is not always JSON. */
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../../src/vendors/parse/json.ts'

describe('passes', () => {
  it.each<[string, string, unknown]>([
    ['remarks behind values', '{"a": "在线", //在线、离线\n"b": 1 // end\n}', { a: '在线', b: 1 }],
    ['a link in a text is no remark', '{"url": "http://a/b", // x\n}', { url: 'http://a/b' }],
    ['a comma too much', '[{"a":1,},{"b":[1,2,],},]', [{ a: 1 }, { b: [1, 2] }]],
    [
      'a comma too little',
      '{"a" : "200"\n"b":{"c": ""\n"d": 2}\n"e": null}',
      { a: '200', b: { c: '', d: 2 }, e: null },
    ],
    ['single quotes', "{'a': 'it is \"x\"'}", { a: 'it is "x"' }],
    ['what was left out', '{"data": [{"a": 1},{\n...\n}]}', { data: [{ a: 1 }, {}] }],
    ['a list that was cut short', '[1, 2, ...]', [1, 2]],
    ['spaces that are none', '{\u00a0"a":\u00a01}', { a: 1 }],
  ])('%s', (_title, text, expected) => {
    expect(parseJson(text)).toEqual(expected)
  })

  it('is never asked when the text is JSON', () => {
    expect(parseJson('{"a":"//, ... \'x\' ,}"}')).toEqual({ a: "//, ... 'x' ,}" })
  })
})

describe('does not pass', () => {
  it.each(['{"a":1', '{"a"}', 'error 404', '{a}', '{"a":1}}', '"a', '', '<a/>', '{"a": tru}', '[1 2'])('%j', (text) => {
    expect(() => parseJson(text)).toThrow(/broken JSON|empty|web page/)
  })
})
