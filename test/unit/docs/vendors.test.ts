/** The two editions of the vendors' manual against each other: what one has, the other has at the same place. */
import { expect, it } from 'vitest'
import { codeBlocks, headings, tables, textOf } from './markdown.ts'

const english = textOf('docs/vendors.md')
const chinese = textOf('docs/vendors.zh-CN.md')

it.each([1, 2, 3, 4])('both editions have as many headings of level %i', (level) => {
  expect(headings(chinese, level).length).toBe(headings(english, level).length)
})

it('both have a section on each vendor, in the same order', () => {
  const vendors = (text: string) => headings(text, 2).filter((title) => /^[\w-]+$/.test(title))
  expect(vendors(chinese)).toEqual(vendors(english))
  expect(vendors(english).length).toBeGreaterThan(5)
})

it('both have the same code, octet by octet', () => {
  expect(codeBlocks(chinese)).toEqual(codeBlocks(english))
  expect(codeBlocks(english).length).toBeGreaterThan(5)
})

it('both have the same tables: as many rows and columns, with the same names in the first column', () => {
  const shape = (text: string) => tables(text).map((rows) => rows.map((cells) => [cells.length, namesIn(cells[0])]))
  expect(shape(chinese)).toEqual(shape(english))
  expect(tables(english).length).toBeGreaterThan(10)
})

function namesIn(cell = ''): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name)
}
