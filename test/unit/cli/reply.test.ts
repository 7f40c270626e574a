import { describe, expect, it } from 'vitest'
import { renderReply } from '../../../src/cli/reply.ts'

describe('a reply on the terminal', () => {
  it.each<[string, unknown, string[]]>([
    ['nothing', null, ['done; the reply holds nothing else']],
    ['a text', '203.0.113.7:80\r\n203.0.113.8:81', ['203.0.113.7:80', '203.0.113.8:81']],
    ['a number', 5, ['5']],
    ['an empty list', [], ['none']],
    ['an empty object', {}, ['none']],
    ['a list of texts', ['a', 'b'], ['a', 'b']],
    [
      'a list of like objects',
      [{ ip: '203.0.113.7', left: 5 }, { ip: '203.0.113.8' }],
      ['ip           left', '203.0.113.7  5', '203.0.113.8'],
    ],
    [
      'what does not fit beside others',
      [
        { no: 'x'.repeat(33), a: 1 },
        { no: 'y', a: 2 },
      ],
      [`no  ${'x'.repeat(33)}`, 'a   1', '', 'no  y', 'a   2'],
    ],
    ['members with wide names', { ip: '203.0.113.7', 剩余数量: 5 }, ['ip        203.0.113.7', '剩余数量  5']],
    [
      'lists within',
      { count: 2, list: [{ a: 1, of: [1, 2] }] },
      ['count  2', 'list:', '  a   1', '  of:', '    1', '    2'],
    ],
    [
      'lives, which a table of Turnpike holds in ms',
      [
        { host: '203.0.113.7', life: { kind: 'until', wallMs: 1_796_034_087_000 } },
        { host: '203.0.113.8', life: { kind: 'for', ms: 180_000 } },
        { host: '203.0.113.9', life: { kind: 'endless' } },
        { host: '203.0.113.10', life: { kind: 'unknown' } },
      ],
      [
        'host          life',
        '203.0.113.7   until 2026-11-30T10:21:27.000Z',
        '203.0.113.8   180 s',
        '203.0.113.9   endless',
        '203.0.113.10  not stated',
      ],
    ],
    [
      'a time that is none',
      { life: { kind: 'until', wallMs: 1e300 } },
      ['life:', '  kind    until', '  wallMs  1e+300'],
    ],
    ['what only looks like a life', { kind: 'until', wallMs: 5, more: 1 }, ['kind    until', 'wallMs  5', 'more    1']],
  ])('%s', (_title, data, expected) => {
    expect(renderReply(data)).toBe(`${expected.join('\n')}\n`)
  })

  it('moves no cursor', () => {
    const bad = '\u001b[2J\u0007'
    const text = renderReply({ [`a${bad}`]: bad, list: [bad, { b: bad }], table: [{ [`c${bad}`]: bad }] })
    expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  })
})
