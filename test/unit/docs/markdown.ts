/** As much of Markdown as the documents of this repository use, read so that tests can hold them to the code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Paths of all documents, from the root. */
export const documents: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => relative(root, join(root, 'docs', name))),
]

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export interface CodeBlock {
  readonly language: string
  readonly text: string
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms

export function codeBlocks(markdown: string): CodeBlock[] {
  return Array.from(markdown.matchAll(FENCED), ([, language = '', text = '']) => ({ language, text }))
}

/** Prose alone: without fenced blocks and inline code. */
function prose(markdown: string): string {
  return markdown.replace(FENCED, '').replace(/`[^`\n]*`/g, '')
}

/** Titles of a level, in order. */
export function headings(markdown: string, level: number): string[] {
  const mark = '#'.repeat(level)
  return Array.from(
    markdown.replace(FENCED, '').matchAll(new RegExp(`^${mark} (.+)$`, 'gm')),
    ([, title = '']) => title,
  )
}

/** What stands under a `## ` heading, up to the next one. @param at its number, from 0 */
export function section(markdown: string, at: number): string {
  const starts = Array.from(markdown.matchAll(/^## .+$/gm), ({ index }) => index)
  return markdown.slice(starts[at] ?? markdown.length, starts[at + 1] ?? markdown.length)
}

/** The place of a `## ` heading, from 0. @throws {Error} when there is none */
export function sectionNumber(markdown: string, title: string): number {
  const number = headings(markdown, 2).indexOf(title)
  if (number === -1) throw new Error(`there is no section "${title}"`)
  return number
}

/** Targets of links and pictures. */
export function linkTargets(markdown: string): string[] {
  return Array.from(prose(markdown).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
}

/** The names that GitHub gives to the headings of a document, for `#fragment` links. */
export function anchors(markdown: string): Set<string> {
  const titles = Array.from(markdown.replace(FENCED, '').matchAll(/^#{1,6} (.+)$/gm), ([, title = '']) => title)
  return new Set(titles.map(slugOf))
}

function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}

/** Rows of the first table with these column titles, cells trimmed. @throws {Error} when there is none */
export function tableRows(markdown: string, ...columns: readonly string[]): string[][] {
  const lines = markdown.split('\n')
  const start = lines.findIndex((line) => line.startsWith('|') && cellsOf(line).join('|') === columns.join('|'))
  if (start === -1) throw new Error(`there is no table with the columns ${columns.join(', ')}`)
  const rest = lines.slice(start + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end === -1 ? rest.length : end).map(cellsOf)
}

/** All tables in order, each with its titles first; cells trimmed. */
export function tables(markdown: string): string[][][] {
  const found = markdown.replace(FENCED, '').match(/^\|.*(?:\n\|.*)*/gm) ?? []
  return found.map((table) => table.split('\n').map(cellsOf))
}

/** A `\|` is no border. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}
