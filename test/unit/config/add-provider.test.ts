import { expect, it } from 'vitest'
import { addProvider } from '../../../src/config/add-provider.ts'

const entry = ['- name: new', '  vendor: demo']

it.each([
  [
    'behind the last entry of an indented list, with its remarks',
    '# head\nproviders:   # mine\n  - name: a\n    vendor: demo     # aligned\n    # whitelist: auto\n\n# pool\npool:\n  floor: 3      # few\n',
    '# head\nproviders:   # mine\n  - name: a\n    vendor: demo     # aligned\n    # whitelist: auto\n  - name: new\n    vendor: demo\n\n# pool\npool:\n  floor: 3      # few\n',
  ],
  [
    'in a list without indentation',
    'providers:\n- name: a\n  vendor: demo\npool: { floor: 3 }\n',
    'providers:\n- name: a\n  vendor: demo\n- name: new\n  vendor: demo\npool: { floor: 3 }\n',
  ],
  [
    'behind an entry in braces, at the end of a file without a line feed',
    'providers:\n  - { name: a, vendor: demo } # x',
    'providers:\n  - { name: a, vendor: demo } # x\n  - name: new\n    vendor: demo\n',
  ],
  [
    'with the line ends of the file',
    'providers:\r\n  - name: a\r\npool: {}\r\n',
    'providers:\r\n  - name: a\r\n  - name: new\r\n    vendor: demo\r\npool: {}\r\n',
  ],
  ['where there is no list yet', 'pool: {} # x\n', 'pool: {} # x\nproviders:\n  - name: new\n    vendor: demo\n'],
  ['in an empty file', '', 'providers:\n  - name: new\n    vendor: demo\n'],
  [
    'behind a value of several lines',
    'providers:\n  - name: a\n    body: |\n      x\n\n      y\npool: {}\n',
    'providers:\n  - name: a\n    body: |\n      x\n\n      y\n  - name: new\n    vendor: demo\npool: {}\n',
  ],
])('adds %s', (_, text, expected) => {
  expect(addProvider(text, entry)).toBe(expected)
})

it.each([
  ['in brackets', 'providers: [{ name: a, vendor: demo }] # mine\n# pool\npool: {}\n'],
  ['that is empty', 'providers: # mine\n# pool\npool: {}\n'],
])('rewrites a list %s, and keeps the comments', (_, text) => {
  const added = addProvider(text, entry) ?? ''
  expect(added).toMatch(/# mine/)
  expect(added).toMatch(/# pool/)
  expect(added).toMatch(/- name: new\n {4}vendor: demo/)
})

it.each(['providers: [', 'providers: 7 }', '- a\n'])('leaves %j, which is none', (text) => {
  expect(addProvider(text, entry)).toBeUndefined()
})
