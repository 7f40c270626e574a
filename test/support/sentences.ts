/** The sentences that the code can show to a user, read from the sources: what its errors, findings and hints are made of. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export interface Sentence {
  /** File below src/, and line. */
  readonly place: string
  /** `{}` stands for what is filled in. */
  readonly text: string
}

/** Constructors and functions, and which of their arguments are sentences. */
const calls: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries({
    GatewayError: [1],
    VendorError: [2],
    malformed: [0],
    problem: [1],
    badRequest: [0],
    badValue: [1],
    OperatorCallRefused: [1],
    CommandError: [0],
    UsageError: [0],
    finding: [1],
    resting: [1],
    refine: [1],
    regex: [1],
    min: [1],
    max: [1],
  }),
)
/** Members of object literals that are sentences, where the object goes to a user. */
const members = new Set(['message', 'error', 'hint'])

/** @param files below src/ that are read, by name */
export function sentencesOf(isRead: (file: string) => boolean): readonly Sentence[] {
  const folder = join(import.meta.dirname, '../../src')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && isRead(file))
    .flatMap((file) => sentencesIn(file, readFileSync(join(folder, file), 'utf8')))
}

function sentencesIn(file: string, text: string): Sentence[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const constants = constantsOf(source)
  const found: Sentence[] = []
  const add = (node: ts.Node | undefined) => {
    const line = node === undefined ? 0 : source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    for (const sentence of textsOf(node, constants)) found.push({ place: `${file}:${line}`, text: sentence })
  }
  const visit = (node: ts.Node) => {
    if (ts.isNewExpression(node) || ts.isCallExpression(node))
      for (const index of calls.get(nameOf(node.expression)) ?? []) add(node.arguments?.[index])
    if (ts.isPropertyAssignment(node) && members.has(node.name.getText())) add(node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const nameOf = (node: ts.Expression): string => (ts.isPropertyAccessExpression(node) ? node.name.text : node.getText())

/** Name -> what a `const` of the file holds. */
function constantsOf(source: ts.SourceFile): ReadonlyMap<string, ts.Expression> {
  const constants = new Map<string, ts.Expression>()
  const visit = (node: ts.Node) => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined)
      constants.set(node.name.text, node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return constants
}

/** Every text that an expression can be; none where it comes from elsewhere. */
function textsOf(node: ts.Node | undefined, constants: ReadonlyMap<string, ts.Expression>): readonly string[] {
  if (node === undefined) return []
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isTemplateExpression(node))
    return [node.head.text + node.templateSpans.map(({ literal }) => `{}${literal.text}`).join('')]
  if (ts.isConditionalExpression(node))
    return [...textsOf(node.whenTrue, constants), ...textsOf(node.whenFalse, constants)]
  if (ts.isArrowFunction(node)) return textsOf(node.body, constants)
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression, constants)
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken)
    return [...textsOf(node.left, constants), ...textsOf(node.right, constants)]
  if (ts.isIdentifier(node)) {
    const rest = new Map(constants)
    rest.delete(node.text)
    return textsOf(constants.get(node.text), rest)
  }
  return []
}
