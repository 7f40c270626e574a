/** The output of `turnpike call PROVIDER`: the operations of a provider's vendor, as text and as JSON. */

import { formatDuration } from '../config/fields.ts'
import { given } from '../given.ts'
import { say } from '../messages/language.ts'
import { terminal } from '../messages/terminal.ts'
import { translate, translateDescription, translateSentence } from '../messages/translate.ts'
import type { Operation, Param } from '../vendors/contract/operation.ts'
import type { Source } from '../vendors/contract/source.ts'
import { expectation, isCredential } from '../vendors/registry.ts'
import { displayWidth, padEnd } from './table.ts'

interface ListedParam extends Omit<Param, 'managed' | 'members'> {
  /** `params[].count` is a member of each object of `params`. */
  readonly name: string
}

export interface ListedOperation
  extends Pick<Operation, 'about' | 'document' | 'method' | 'effect' | 'reply' | 'unproven'> {
  readonly name: string
  /** Whether the key of this product can use it. */
  readonly isUsable: boolean
  /** For this account. */
  readonly limit: { readonly calls: number; readonly perSeconds: number }
  readonly params: readonly ListedParam[]
}

/** Operations of this product come first. Credentials are not listed as parameters. */
export function listOperations({ operations, limitOf, canCall = () => true }: Source): readonly ListedOperation[] {
  const listed = Object.entries(operations).map(
    ([name, { about, document, method, effect, reply, params, unproven }]) => {
      const { calls, perMs } = limitOf(name)
      return {
        ...{ name, isUsable: canCall(name), about, document, method, effect },
        ...given({ reply, unproven }),
        limit: { calls, perSeconds: perMs / 1_000 },
        params: Object.entries(params).flatMap(([key, param]) => (isCredential(param) ? [] : listParam(key, param))),
      }
    },
  )
  return listed.toSorted((a, b) => Number(b.isUsable) - Number(a.isUsable))
}

function listParam(name: string, { managed: _, members = {}, ...param }: Param): ListedParam[] {
  const inner = Object.entries(members).flatMap(([key, member]) => listParam(`${name}[].${key}`, member))
  return [{ name, ...param }, ...inner]
}

/** One paragraph for each operation. */
export function renderOperations(title: string, operations: readonly ListedOperation[]): string {
  const [usable, others] = [true, false].map((isUsable) => operations.filter((each) => each.isUsable === isUsable))
  const rest = others?.length
    ? [`\n${translate('Of other products, of no use to this one:')}`, ...others.map(paragraph)]
    : []
  return [title, ...(usable ?? []).map(paragraph), ...rest, ''].join('\n')
}

const CONFIRMED = {
  reads: 'reads',
  buys: 'buys (--yes)',
  changes: 'changes (--yes)',
  deletes: 'deletes (--yes)',
} as const

function paragraph({ name, about, method, effect, limit, params, unproven }: ListedOperation): string {
  const rows = params.map((param) => [param.name, typeOf(param), meaningOf(param)] as const)
  const [first = 0, second = 0] = [0, 1].map((c) => Math.max(0, ...rows.map((row) => displayWidth(row[c] ?? ''))))
  const lines = rows.map(([key, type, meaning]) => `    ${padEnd(key, first)}  ${padEnd(type, second)}  ${meaning}`)
  const why = unproven === undefined ? [] : [translate('unproven: {why}', { why: translateDescription(unproven) })]
  const facts = [method, effectOf(effect), pace(limit)].join(say(terminal.comma))
  return [`\n${name}  ${facts}`, ...[translateDescription(about), ...why].map((text) => `  ${text}`), ...lines].join(
    '\n',
  )
}

/** The description, and the document's own where that says it in other words. */
function meaningOf(param: ListedParam): string {
  const [text, more] = [param.about, param.term].map(translateDescription) as [string, string]
  return text === more ? text : say(terminal.inBrackets, { text, more })
}

const effectOf = (effect: Operation['effect']) => translate(CONFIRMED[effect])

function typeOf(param: ListedParam): string {
  const facts = [
    translateSentence(expectation(param)),
    ...(param.required === true ? [translate('required')] : []),
    ...(param.default === undefined ? [] : [translate('default {value}', { value: String(param.default) })]),
    ...(param.secret === true ? [translate('secret')] : []),
    ...(param.usualMax === undefined
      ? []
      : [translate('more than {count} is not known to work', { count: param.usualMax })]),
  ]
  return facts.join(say(terminal.semicolon))
}

function pace({ calls, perSeconds }: ListedOperation['limit']): string {
  if (perSeconds === 1)
    return calls === 1 ? translate('1 call a second') : translate('{calls} calls a second', { calls })
  if (perSeconds === 60)
    return calls === 1 ? translate('1 call a minute') : translate('{calls} calls a minute', { calls })
  const span = formatDuration(perSeconds * 1_000)
  return calls === 1 ? translate('1 call in {span}', { span }) : translate('{calls} calls in {span}', { calls, span })
}
