/** Parses XML to a tree of texts. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export interface XmlReading {
  /** What stands before the name of an attribute that is kept, and an element with attributes has its text in `#text`; undefined: they are dropped. */
  readonly attributePrefix?: string
  /** Elements that are a list, also when there is only one. */
  readonly lists?: readonly string[]
}

/** All values are strings. @returns undefined when it is not one complete document; the library's own message quotes it */
export function readXml(text: string, { attributePrefix, lists = [] }: XmlReading = {}): unknown {
  // Loaded for the first reply in XML: few gateways need it.
  const { XMLParser, XMLValidator } = require('fast-xml-parser') as typeof import('fast-xml-parser')
  const parser = new XMLParser({
    ignoreAttributes: attributePrefix === undefined,
    attributeNamePrefix: attributePrefix ?? '',
    // A document's own entities could fill the memory.
    processEntities: false,
    parseTagValue: false,
    parseAttributeValue: false,
    isArray: (name) => lists.includes(name),
  })
  try {
    // The parser itself accepts a truncated document.
    return XMLValidator.validate(text) === true ? withCharacters(parser.parse(text)) : undefined
  } catch {
    return undefined
  }
}

/** The five predefined entities (XML 1.0 section 4.6). */
const CHARACTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function withCharacters(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replace(/&(amp|lt|gt|quot|apos);/g, (_entity, name: string) => CHARACTERS[name] ?? '')
  if (Array.isArray(value)) return value.map(withCharacters)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withCharacters(member)]))
}
