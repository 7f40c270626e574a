/** Adds one provider entry to the text of a configuration. All other text stays as it is: comments, order, spaces. */
import { isMap, isSeq, type YAMLSeq } from 'yaml'
import { isSame } from '../same.ts'
import { locate } from './locate.ts'
import { readYamlText } from './yaml-text.ts'

/**
 * @param text of a configuration
 * @param entry lines of a list item, without indentation: `- name: qg`, `  vendor: qg`, ...
 * @returns the text with the entry after the last provider; undefined when the text is not YAML that can be extended
 */
export function addProvider(text: string, entry: readonly string[]): string | undefined {
  const { document, readable } = readYamlText(text)
  const { contents } = document
  if (!readable || (contents !== null && !isMap(contents))) return undefined
  const before = plainOf(text)
  if (before?.providers != null && !Array.isArray(before.providers)) return undefined
  const providers: unknown = document.get('providers', true)
  const candidates = [
    ...(isSeq(providers) && providers.flow !== true && providers.items.length > 0
      ? [behindLast(text, providers, entry)]
      : []),
    ...(document.has('providers') ? [] : [atEnd(text, entry)]),
    ...(before?.providers === null ? [belowKey(text, locate(document, ['providers'], 'key'), entry)] : []),
    throughDocument(text, entry),
  ]
  return candidates.find((candidate) => candidate !== undefined && isBeforeAndOne(plainOf(candidate), before))
}

type Plain = { readonly providers?: unknown } | null | undefined

function plainOf(text: string): Plain {
  const { document, readable } = readYamlText(text)
  return readable ? document.toJS() : undefined
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Whether the new text differs from the old one only by the new last entry: the check that the edit was correct. */
function isBeforeAndOne(after: Plain, before: Plain): boolean {
  const [had, has] = [listOf(before?.providers), listOf(after?.providers)]
  if (has.length !== had.length + 1) return false
  return isSame({ ...after, providers: has.slice(0, -1) }, { ...before, providers: had })
}

const lineEndOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n')

function behindLast(text: string, providers: YAMLSeq, entry: readonly string[]): string | undefined {
  const [first] = providers.range ?? []
  const last = (providers.items.at(-1) as { readonly range?: readonly [number, number, number] } | undefined)?.range
  if (first === undefined || last === undefined) return undefined
  const indent = ' '.repeat(first - (text.lastIndexOf('\n', first - 1) + 1))
  const place = endOfEntry(text, last[1], indent.length)
  const [head, tail] = [text.slice(0, place), text.slice(place)]
  const lineEnd = lineEndOf(text)
  const glue = head.endsWith('\n') ? '' : lineEnd
  return `${head}${glue}${entry.map((line) => `${indent}${line}${lineEnd}`).join('')}${tail}`
}

/** The end of the line of the last value, including comments below it that are indented as its keys are. */
function endOfEntry(text: string, end: number, indent: number): number {
  let place = text.slice(0, end).trimEnd().length
  for (;;) {
    const lineEnd = text.indexOf('\n', place)
    if (lineEnd < 0) return text.length
    place = lineEnd + 1
    const remark = /^( +)#/.exec(text.slice(place, text.indexOf('\n', place) + 1))
    if (remark === null || (remark[1]?.length ?? 0) <= indent) return place
  }
}

function atEnd(text: string, entry: readonly string[]): string {
  const lineEnd = lineEndOf(text)
  const glue = text === '' || text.endsWith('\n') ? '' : lineEnd
  return `${text}${glue}providers:${lineEnd}${entry.map((line) => `  ${line}${lineEnd}`).join('')}`
}

/** @param key the place of a `providers:` key without a value */
function belowKey(text: string, key: number, entry: readonly string[]): string {
  const lineEnd = text.indexOf('\n', key)
  const place = lineEnd < 0 ? text.length : lineEnd + 1
  return `${text.slice(0, place)}${lineEnd < 0 ? '\n' : ''}${entry.map((line) => `  ${line}${lineEndOf(text)}`).join('')}${text.slice(place)}`
}

/** For lists in brackets: comments are kept, spaces may change. */
function throughDocument(text: string, entry: readonly string[]): string {
  const { document } = readYamlText(text)
  const added: unknown = readYamlText(entry.join('\n')).document.contents
  const item = isSeq(added) ? added.items[0] : undefined
  const providers: unknown = document.get('providers', true)
  if (isSeq(providers)) {
    providers.flow = false
    providers.add(item)
  } else document.set('providers', document.createNode([item]))
  return document.toString({ lineWidth: 0 })
}
