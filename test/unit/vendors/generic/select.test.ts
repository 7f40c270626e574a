import { describe, expect, it } from 'vitest'
import { fieldCut, itemCut, parsePath, valueAt, valuesAt } from '../../../../src/vendors/generic/select.ts'

const tree = {
  data: { list: [{ ip: 'a' }, { ip: 'b' }], 'a.b': 7, '*': 'star' },
  groups: { x: [1], y: [2, 3] },
  empty: null,
}
const at = (path: string) =>
  valuesAt(tree, parsePath(path) ?? expect.fail(`${path} is no path`)).map(({ value }) => value)

describe('a path', () => {
  it.each([
    ['data.list', [tree.data.list]],
    ['data.list[1].ip', ['b']],
    ['data.list.0.ip', ['a']],
    ['data.list.*.ip', ['a', 'b']],
    ['groups.*', [[1], [2, 3]]],
    ['data["a.b"]', [7]],
    ['data["*"]', ['star']],
    ['$.data.list', [tree.data.list]],
    ['$', [tree]],
    ['empty', [null]],
    ['empty.ip', []],
    ['data.none', []],
    ['data.list.length.x', []],
    ['toString', []],
    ['__proto__', []],
    ['data.list[7]', []],
  ])('%s', (path, values) => expect(at(path)).toEqual(values))

  it.each(['', '.a', 'a..b', 'a.', 'a[', 'a[x]', 'a]', 'a["b]', 'a b', '[0]b', '"a"'])('%j is none', (text) =>
    expect(parsePath(text)).toBeUndefined(),
  )

  it('of one value gives the first', () => {
    expect(valueAt(tree, parsePath('groups.*') ?? [])).toEqual([1])
    expect(valueAt(tree, parsePath('none') ?? [])).toBeUndefined()
  })
})

describe('items', () => {
  const items = ['a:1', 'b:2', 'c:3']
  it.each([
    ['line', 'a:1\r\nb:2\nc:3\r\n'],
    ['line', 'a:1\rb:2\r\r\n c:3 '],
    ['\\r\\n', 'a:1\r\nb:2\r\nc:3'],
    ['\n', 'a:1\nb:2\nc:3'],
    ['space', 'a:1 b:2  c:3\n'],
    [' ', 'a:1 b:2 c:3'],
    ['tab', 'a:1\tb:2\tc:3'],
    ['\\t', 'a:1\tb:2\tc:3'],
    ['|', 'a:1|b:2|c:3|'],
    [';', 'a:1;b:2;c:3'],
    ['||', 'a:1||b:2||c:3'],
    ['<br>', 'a:1<br>b:2<BR/>c:3<br />'],
    ['<br/>', 'a:1<br>b:2<br>c:3'],
    ['.*', 'a:1.*b:2.*c:3'],
    ['|', 'a:1\r\nb:2\r\nc:3'],
  ])('cut at %j: %j', (separator, text) => expect(itemCut(separator)(text)).toEqual(items))
})

it.each([
  [',', 'a:1,60,x', ['a:1', '60', 'x']],
  [',', 'a:1, 60,', ['a:1', '60', '']],
  ['tab', 'a:1\t60', ['a:1', '60']],
  ['space', 'a:1  60', ['a:1', '60']],
  ['----', 'a:1----60', ['a:1', '60']],
])('columns cut at %j: %j', (separator, text, columns) => expect(fieldCut(separator)(text)).toEqual(columns))
