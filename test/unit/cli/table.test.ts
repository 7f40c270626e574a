import { expect, it } from 'vitest'
import { renderTable } from '../../../src/cli/table.ts'

it('lines up what rows say, whichever members they have', () => {
  const rows = [
    { name: 'qg', state: 'ready', addresses: { bought: 12, used: 10 } },
    { name: 'juliang', state: 'stopped', calls: [1, 2], addresses: { bought: 3, used: null } },
  ]
  expect(renderTable(rows).split('\n')).toEqual([
    'name     state    addresses.bought  addresses.used  calls',
    'qg       ready    12                10',
    'juliang  stopped  3                                 1, 2',
    '',
  ])
})

it('puts long texts below, where they do not push the columns apart', () => {
  const lastError = 'the vendor says that this key is not known: compare credentials.key'
  expect(
    renderTable([
      { name: 'qg', lastError, state: 'stopped' },
      { name: 'b', lastError: null, state: 'ready' },
    ]),
  ).toBe(`name  state\nqg    stopped\nb     ready\nqg lastError: ${lastError}\n`)
})

it('keeps the first column, which names the row, however long a name is', () => {
  const name = 'a-vendor-with-a-name-of-more-than-32-letters'
  expect(
    renderTable([
      { name, state: 'ready' },
      { name: 'b', state: 'stopped' },
    ])
      .split('\n')
      .slice(0, 2),
  ).toEqual([`${'name'.padEnd(name.length)}  state`, `${name}  ready`])
})

it('shows control characters as spaces: an answer cannot move the cursor', () => {
  const shown = renderTable([{ name: 'a\u001b[2Jb\nc', list: ['x\u0007'] }])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  expect(shown).toContain('a [2Jb c')
})

it('shows nothing for nothing', () => expect(renderTable([])).toBe('\n'))
