/** The two editions of each page on vendors against each other: what one has, the other has at the same place. */
import { describe, expect, it } from 'vitest'
import { documents, headings, tables, textOf } from './markdown.ts'

const pages = documents.filter((path) => /^docs\/vendors\/[\w-]+\.md$/.test(path))

it('there is a page for each vendor, and one for all', () => expect(pages.length).toBeGreaterThan(8))

describe.each(pages)('%s and its Chinese edition', (page) => {
  const english = textOf(page)
  const chinese = textOf(page.replace(/\.md$/, '.zh-CN.md'))

  it.each([1, 2, 3])('have as many headings of level %i', (level) => {
    expect(headings(chinese, level).length).toBe(headings(english, level).length)
  })

  it('have the same tables: as many rows and columns, with the same names in the first column', () => {
    const shape = (text: string) => tables(text).map((rows) => rows.map((cells) => [cells.length, namesIn(cells[0])]))
    expect(shape(chinese)).toEqual(shape(english))
  })
})

function namesIn(cell = ''): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name)
}
