/**
 * Turns a script in Lua into a function of JavaScript, so that the scripts of the cluster run as they are, and fast, where no
 * Redis is. It knows the part of Lua 5.1 that they use; anything else throws. Nil is undefined; what a missing reply is,
 * false. Each function returns the list of its results.
 */
import luaparse, { type LuaNode } from 'luaparse'
import { library, runtime } from './lua-runtime.ts'

type Body = (lib: typeof runtime, globals: Readonly<Record<string, unknown>>) => unknown[]

/** @throws {Error} for a part of Lua that is not known here */
export function compileLua(source: string): (globals: Readonly<Record<string, unknown>>) => unknown {
  const tree = luaparse.parse(source, { luaVersion: '5.1', comments: false, encodingMode: 'pseudo-latin1' })
  const body = new Function('lib', 'globals', `${block(list(tree, 'body'), new Set())}; return []`) as Body
  return (globals) => body(runtime, { ...library, ...globals })[0]
}

const part = (node: LuaNode, name: string) => node[name] as LuaNode
const list = (node: LuaNode, name: string) => node[name] as readonly LuaNode[]
const nameOf = (node: LuaNode) => `$${String(node['name'])}`

/** Names that are local where something is used; others are globals. */
type Scope = Set<string>

function block(statements: readonly LuaNode[], outer: Scope): string {
  const scope = new Set(outer)
  return statements.map((one) => statement(one, scope)).join('\n')
}

function statement(node: LuaNode, scope: Scope): string {
  switch (node.type) {
    case 'LocalStatement':
      return local(node, scope)
    case 'AssignmentStatement':
      return assignment(node, scope)
    case 'CallStatement':
      return `${call(part(node, 'expression'), scope)};`
    case 'FunctionDeclaration':
      scope.add(nameOf(part(node, 'identifier')))
      return `const ${nameOf(part(node, 'identifier'))} = ${functionOf(node, scope)};`
    case 'IfStatement':
      return list(node, 'clauses')
        .map((clause) => branch(clause, scope))
        .join(' else ')
    case 'ForNumericStatement':
      return forNumeric(node, scope)
    case 'ForGenericStatement':
      return forGeneric(node, scope)
    case 'WhileStatement':
      return `while (lib.truth(${value(part(node, 'condition'), scope)})) {${block(list(node, 'body'), scope)}}`
    case 'ReturnStatement':
      return `return [${values(list(node, 'arguments'), scope)}];`
    case 'BreakStatement':
      return 'break;'
    default:
      throw new Error(`not known here: ${node.type}`)
  }
}

/** The values are computed before the names are known. */
function local(node: LuaNode, scope: Scope): string {
  const init = values(list(node, 'init'), scope)
  const names = list(node, 'variables').map(nameOf)
  for (const name of names) scope.add(name)
  return `let [${names.join(', ')}] = [${init}];`
}

function assignment(node: LuaNode, scope: Scope): string {
  const targets = list(node, 'variables')
  const init = `const all = [${values(list(node, 'init'), scope)}];`
  return `{${init}${targets.map((target, index) => assign(target, `all[${index}]`, scope)).join('')}}`
}

function assign(target: LuaNode, source: string, scope: Scope): string {
  if (target.type !== 'Identifier') return `lib.set(${container(target, scope)}, ${source});`
  if (!scope.has(nameOf(target))) throw new Error(`a global is assigned: ${nameOf(target)}`)
  return `${nameOf(target)} = ${source};`
}

/** The table and the key of an indexed expression. */
function container(node: LuaNode, scope: Scope): string {
  const base = value(part(node, 'base'), scope)
  if (node.type === 'IndexExpression') return `${base}, ${value(part(node, 'index'), scope)}`
  return `${base}, ${JSON.stringify(part(node, 'identifier')['name'])}`
}

function branch(clause: LuaNode, scope: Scope): string {
  const body = `{${block(list(clause, 'body'), scope)}}`
  return clause.type === 'ElseClause' ? body : `if (lib.truth(${value(part(clause, 'condition'), scope)})) ${body}`
}

function forNumeric(node: LuaNode, scope: Scope): string {
  const inner = new Set(scope).add(nameOf(part(node, 'variable')))
  const name = nameOf(part(node, 'variable'))
  const step = node['step'] === null ? '1' : value(part(node, 'step'), scope)
  const [start, end] = [value(part(node, 'start'), scope), value(part(node, 'end'), scope)]
  const head = `let ${name} = ${start}, end = lib.number(${end}), step = ${step}; ${name} <= end; ${name} += step`
  return `for (${head}) {${block(list(node, 'body'), inner)}}`
}

function forGeneric(node: LuaNode, scope: Scope): string {
  const names = list(node, 'variables').map(nameOf)
  const inner = new Set([...scope, ...names])
  const entries = values(list(node, 'iterators'), scope)
  return `for (let [${names.join(', ')}] of lib.entries(${entries})) {${block(list(node, 'body'), inner)}}`
}

function functionOf(node: LuaNode, scope: Scope): string {
  const names = list(node, 'parameters').map(nameOf)
  return `(${names.join(', ')}) => {${block(list(node, 'body'), new Set([...scope, ...names]))}; return []}`
}

/** A list of expressions: the last one, when it is a call, gives all of its results. */
function values(nodes: readonly LuaNode[], scope: Scope): string {
  return nodes
    .map((one, index) => (index === nodes.length - 1 && isCall(one) ? `...${call(one, scope)}` : value(one, scope)))
    .join(', ')
}

const isCall = ({ type }: LuaNode) => type === 'CallExpression'

function call(node: LuaNode, scope: Scope): string {
  const base = part(node, 'base')
  if (base.type === 'Identifier' && scope.has(nameOf(base)))
    return `${nameOf(base)}(${values(list(node, 'arguments'), scope)})`
  return `lib.call(${value(base, scope)}, [${values(list(node, 'arguments'), scope)}])`
}

function value(node: LuaNode, scope: Scope): string {
  switch (node.type) {
    case 'Identifier':
      return scope.has(nameOf(node)) ? nameOf(node) : `lib.global(globals, ${JSON.stringify(node['name'])})`
    case 'NilLiteral':
      return 'undefined'
    case 'NumericLiteral':
    case 'StringLiteral':
    case 'BooleanLiteral':
      return JSON.stringify(node['value'])
    case 'CallExpression':
      return `${call(node, scope)}[0]`
    case 'MemberExpression':
    case 'IndexExpression':
      return `lib.get(${container(node, scope)})`
    case 'TableConstructorExpression':
      return table(node, scope)
    case 'UnaryExpression':
      return `lib.unary[${JSON.stringify(node['operator'])}](${value(part(node, 'argument'), scope)})`
    case 'BinaryExpression':
      return `lib.binary[${JSON.stringify(node['operator'])}](${value(part(node, 'left'), scope)}, ${value(part(node, 'right'), scope)})`
    case 'LogicalExpression':
      return `lib.${String(node['operator'])}(${value(part(node, 'left'), scope)}, () => ${value(part(node, 'right'), scope)})`
    case 'FunctionDeclaration':
      return functionOf(node, scope)
    default:
      throw new Error(`not known here: ${node.type}`)
  }
}

function table(node: LuaNode, scope: Scope): string {
  const fields = list(node, 'fields')
  const named = fields
    .filter(({ type }) => type !== 'TableValue')
    .map((field) => {
      const name =
        field.type === 'TableKeyString' ? JSON.stringify(part(field, 'key')['name']) : value(part(field, 'key'), scope)
      return `[${name}, ${value(part(field, 'value'), scope)}]`
    })
  const items = fields.filter(({ type }) => type === 'TableValue').map((field) => part(field, 'value'))
  return `lib.table([${values(items, scope)}], [${named.join(', ')}])`
}
