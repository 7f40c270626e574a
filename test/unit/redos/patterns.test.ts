import { expect, it } from 'vitest'
import { patternsIn } from '../../redos/patterns.ts'

it('finds literals with their flags and lines, and nothing in texts and comments', () => {
  const text = [
    'const a = /x[/]y/gi',
    "const b = 'no /pattern/ here' // nor /here/",
    'const c = (1 / 2) / 3',
    'f(/\\//.test(d))',
  ].join('\n')
  expect(patternsIn(text, 'a.ts')).toEqual({
    literals: [
      { source: 'x[/]y', flags: 'gi', place: 'a.ts:1' },
      { source: '\\/', flags: '', place: 'a.ts:4' },
    ],
    built: [],
  })
})

it('tells where a pattern is built at run time', () => {
  const text = 'const a: RegExp = b\nconst c = new RegExp(d)\nconst e = RegExp(f)\na instanceof RegExp'
  expect(patternsIn(text, 'a.ts').built).toEqual(['a.ts:2', 'a.ts:3'])
})
