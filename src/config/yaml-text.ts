/** Parses YAML text into a document. All syntax errors have our own messages: the library's messages quote the file. */
import { type Document, isCollection, isNode, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml'

/** A mistake and where it is, as an offset into the text. */
export interface TextProblem {
  readonly offset: number
  readonly message: string
}

export interface YamlText {
  readonly document: Document.Parsed
  readonly problems: readonly TextProblem[]
  /** False when the text is too broken to have meaningful contents. */
  readonly readable: boolean
  /** 1-based line and column of an offset. */
  place(offset: number): { readonly line: number; readonly column: number }
}

/** Messages for the library's codes (yaml 2.9, `ErrorCode`). */
const words: Partial<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag of its own',
  BAD_ALIAS: 'this is not a name for an anchor or an alias; text that begins with & or * needs quotes',
  BAD_COLLECTION_TYPE: 'this tag does not fit here; leave it out',
  BAD_DIRECTIVE: 'this %-line is not understood; leave it out',
  BAD_DQ_ESCAPE:
    'inside "double quotes" a backslash begins an escape; write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  BAD_PROP_ORDER: 'an anchor or a tag belongs behind the - : or ? before it',
  BAD_SCALAR_START: 'text that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'one line holds one key; text with ": " in it needs quotes',
  BLOCK_IN_FLOW: 'inside { } or [ ] everything is written with commas, without indented lists or keys',
  KEY_OVER_1024_CHARS: 'this key is longer than 1024 characters',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line and end with a colon',
  MISSING_CHAR: 'something is missing before this',
  MULTIPLE_ANCHORS: 'a value has one anchor at most',
  MULTIPLE_DOCS: 'one file holds one configuration: remove the second ---',
  MULTIPLE_TAGS: 'a value has one tag at most',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'this is nested too deeply',
  TAB_AS_INDENT: 'a tab indents here; YAML wants spaces',
  TAG_RESOLVE_FAILED: 'this tag is not known; text that begins with ! needs quotes',
  UNEXPECTED_TOKEN: 'this does not belong here; is a quote, a comma or a bracket wrong before it?',
}

/** Some codes cover several mistakes; the library's message distinguishes them (2.9.1, compose/*.ts). */
const wordsByMessage: readonly (readonly [RegExp, string])[] = [
  [/^Missing closing .*quote/, 'a quote is opened here and never closed'],
  [
    /^Flow (map|sequence) in block/,
    'a bracket is opened here and never closed, or closed before its lines are indented',
  ],
  [/^Comments must be separated/, 'a comment needs a space before its #'],
  [/^Missing space after :/, 'a space is missing after the colon'],
  [/^Missing ,/, 'a comma is missing before this'],
  [/^Implicit map keys/, 'a key is followed by a colon'],
  [/^Sequence item without/, 'a list item begins with "- "'],
]

const PLACEHOLDER_UNQUOTED = 'between { } and [ ] a placeholder needs quotes, as in "${NAME}"'

function explainFault({ code, message, pos }: YAMLError, source: string, document: Document.Parsed): TextProblem {
  const offset = pos[0]
  if (code === 'DUPLICATE_KEY') return { offset, message: `the key ${keyAt(source, offset)} is given twice` }
  if (source.startsWith('${', offset - 1)) return { offset: offset - 1, message: PLACEHOLDER_UNQUOTED }
  const special = wordsByMessage.find(([form]) => form.test(message))?.[1]
  const isUnclosed = special?.includes('opened here') === true
  return {
    offset: isUnclosed ? openingOf(document, offset) : offset,
    message: special ?? words[code] ?? 'this is not YAML',
  }
}

/** The parser reports an unclosed bracket or quote at the end; the user looks for the place where it was opened. */
function openingOf(document: Document.Parsed, end: number): number {
  let opening: number | undefined
  visit(document, (_key, node) => {
    const isOpened = isScalar(node) ? node.type?.startsWith('QUOTE') : isCollection(node) && node.flow === true
    const [start, , stop] = (isOpened && isNode(node) && node.range) || [end, end, end]
    if (start < end && stop >= end && start > (opening ?? -1)) opening = start
  })
  return opening ?? end
}

/** More errors would not help, and the parser can report one per character. */
const MAX_FAULTS = 50

/** Parses any text without throwing. */
export function readYamlText(source: string): YamlText {
  const lineCounter = new LineCounter()
  const document = parseDocument(source, {
    lineCounter,
    prettyErrors: false,
    logLevel: 'error',
    merge: true,
    stringKeys: true,
  })
  const typing = typingFaults(source)
  const isSound = document.errors.every((error) => error.code === 'DUPLICATE_KEY' || error.code === 'NON_STRING_KEY')
  const readable = isSound && typing.length === 0
  // For this line and the following ones, the parser's messages do not name the real mistake.
  const faults = typing.length > 0 ? [] : [...document.errors, ...document.warnings].slice(0, MAX_FAULTS)
  const problems = [...typing, ...faults.map((fault) => explainFault(fault, source, document))]
  return {
    document,
    problems: readable ? [...problems, ...aliasProblems(document)] : firstOfEachLine(problems, lineCounter),
    readable,
    place(offset) {
      const { line, col } = lineCounter.linePos(offset)
      return { line: Math.max(line, 1), column: Math.max(col, 1) }
    },
  }
}

/** Mistakes that YAML accepts as text or as part of a key, each found where its match ends. */
const SLIPS: readonly (readonly [RegExp, string])[] = [
  [
    /^[ \t]*(?:- *)?[A-Za-z]\w*(?=：)/gm,
    'the colon behind this key is the full-width ： of Chinese typing; write : and a space',
  ],
  [
    /^[ \t]*(?=[\u3000\u00a0][ \u3000\u00a0]*(?:- |[A-Za-z]\w*:(?:\s|$)))/gm,
    'a full-width or no-break space indents here; YAML wants plain spaces',
  ],
  [
    /\{[^{}'"#\n，]*(?=，[ \t]*[A-Za-z]\w*:)/g,
    'the comma between these keys is the full-width ， of Chinese typing; write , and a space',
  ],
  [/^[ \t]*(?=-[A-Za-z]\w*:(?:\s|$))/gm, 'a space is missing behind the dash: a list item begins with "- "'],
]

function typingFaults(source: string): TextProblem[] {
  return SLIPS.flatMap(([form, message]) =>
    Array.from(source.matchAll(form), ({ 0: text, index }): TextProblem => ({ offset: index + text.length, message })),
  ).slice(0, MAX_FAULTS)
}

function keyAt(source: string, offset: number): string {
  return /^["']?([\w.-]{1,64})/.exec(source.slice(offset, offset + 70))?.[1] ?? 'here'
}

/** One mistake can cause many errors: only the first error per line and per kind is reported. */
function firstOfEachLine(problems: readonly TextProblem[], lineCounter: LineCounter): readonly TextProblem[] {
  const seen = new Set<string | number>()
  return problems.filter(({ offset, message }) => {
    const { line } = lineCounter.linePos(offset)
    const isNews = !seen.has(line) && !seen.has(message)
    seen.add(line).add(message)
    return isNews
  })
}

/** Enough for any real file; more aliases could expand a few lines to gigabytes. */
const MAX_ALIASES = 100

function aliasProblems(document: Document.Parsed): TextProblem[] {
  const problems: TextProblem[] = []
  let count = 0
  visit(document, {
    Alias(_key, alias, ancestors) {
      const offset = alias.range?.[0] ?? 0
      if (++count > MAX_ALIASES) {
        problems.push({ offset, message: `there are more than ${MAX_ALIASES} aliases` })
        return visit.BREAK
      }
      const target = alias.resolve(document)
      if (target === undefined) problems.push({ offset, message: 'there is no anchor of this name above' })
      else if (ancestors.includes(target)) problems.push({ offset, message: 'this alias lies inside its own anchor' })
      return undefined
    },
  })
  return problems
}

/** The document as plain objects, lists and scalars. */
export function plainValue(
  { document }: YamlText,
  source: string,
): { readonly value: unknown } | { readonly problem: TextProblem } {
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) }
  } catch (error) {
    const merges = error instanceof Error && error.message.startsWith('Merge sources')
    return {
      problem: merges
        ? { offset: Math.max(source.indexOf('<<'), 0), message: '<< takes a map, an alias of one, or a list of those' }
        : { offset: Math.max(source.indexOf('*'), 0), message: 'the aliases of this file unfold to too much' },
    }
  }
}
