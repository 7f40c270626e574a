/** The regular expressions of the source, as TypeScript's own parser sees them. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

export interface Pattern {
  readonly source: string
  readonly flags: string
  /** `src/address.ts:17` */
  readonly place: string
}

export interface Patterns {
  readonly literals: readonly Pattern[]
  /** Places of `RegExp(...)`: a pattern that is put together at run time cannot be checked before. */
  readonly built: readonly string[]
}

/** @param file names the places */
export function patternsIn(text: string, file: string): Patterns {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const literals: Pattern[] = []
  const built: string[] = []
  const visit = (node: ts.Node): void => {
    const place = () => `${file}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
    if (ts.isRegularExpressionLiteral(node)) literals.push({ ...partsOf(node.text), place: place() })
    if (ts.isIdentifier(node) && node.text === 'RegExp' && isCalled(node)) built.push(place())
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return { literals, built }
}

function partsOf(literal: string): { source: string; flags: string } {
  const end = literal.lastIndexOf('/')
  return { source: literal.slice(1, end), flags: literal.slice(end + 1) }
}

function isCalled(name: ts.Identifier): boolean {
  const { parent } = name
  return (ts.isNewExpression(parent) || ts.isCallExpression(parent)) && parent.expression === name
}

/** @param folder of TypeScript files, with all below it */
export function patternsBelow(folder: string): Patterns {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const all = files.sort().map((file) => {
    const place = path.join(folder, file)
    return patternsIn(readFileSync(place, 'utf8'), place)
  })
  return { literals: all.flatMap(({ literals }) => literals), built: all.flatMap(({ built }) => built) }
}
