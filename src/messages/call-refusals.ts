/** Why a call by hand was not made (supply/operator/call.ts, vendors/client/params.ts), in Chinese. Only the command line has it. */
import { chineseDescription } from './chinese/operations.ts'
import { chineseSentence } from './recognise.ts'

/** @returns the sentences in Chinese; parts that are not in the catalogue stay in English */
export function chineseCallRefusal(english: string): string {
  const unconfirmed = chineseUnconfirmed(english)
  if (unconfirmed !== undefined) return unconfirmed
  if (!MISTAKE.test(english)) return chineseSentence(english)
  const parts = english.split('; ')
  return parts.map((part) => chineseMistake(part) ?? chineseSentence(part)).join('；')
}

/** A parameter and what is wrong with it: `num must be ...`, `params [0].count must be ...`, `IP or TaskID is missing`. */
const MISTAKE = /^([\w.-]+(?: or [\w.-]+)*(?: \[\d+\](?:\.[\w-]+)?)?) ((?:must be|is missing|is not|comes|needs).*)$/su
const MISSING = /^is missing(?:: (.+))?$/su
const MUST = 'must be '

function chineseMistake(english: string): string | undefined {
  const [, names = '', what = ''] = MISTAKE.exec(english) ?? []
  if (names === '') return undefined
  const name = names.replaceAll(' or ', ' 或 ')
  const missing = MISSING.exec(what)
  if (missing !== null) return `缺少 ${name}${missing[1] === undefined ? '' : `：${described(missing[1])}`}`
  if (what.startsWith(MUST)) {
    const [kind = '', ...value] = what.slice(MUST.length).split(', not ')
    return `${name} 应为${shape(kind)}${value.length === 0 ? '' : `，而不是 ${value.join(', not ')}`}`
  }
  return `${name} ${chineseSentence(what)}`
}

const described = (about: string): string => {
  const chinese = chineseDescription(about)
  return chinese === about ? chineseSentence(about) : chinese
}

/** What a parameter may be: of several values `one of 1, 2`. */
const shape = (kind: string): string =>
  chineseSentence(kind)
    .replace(/^可选值：/, '以下之一：')
    .replace(/^(?=[\w-])/, ' ')

/** `OPERATION DESCRIPTION (name=value ...). CONSEQUENCE. Nothing was sent: confirm it`. */
const UNCONFIRMED = '. Nothing was sent: confirm it'

function chineseUnconfirmed(english: string): string | undefined {
  const end = english.lastIndexOf('. It ')
  const space = english.indexOf(' ')
  if (!english.endsWith(UNCONFIRMED) || end < space) return undefined
  const consequence = chineseConsequence(english.slice(end + 2, -UNCONFIRMED.length))
  return `${english.slice(0, space)}：${beforeValues(english.slice(space + 1, end))}。${consequence}。没有发送任何请求，请确认`
}

/** What the call does, as supply/operator/call.ts says it. Not in the catalogues: the dashboard needs none of it. */
const CONSEQUENCES: readonly (readonly [form: RegExp, chinese: string])[] = [
  [/^It changes the account of "([^"]+)"$/, '它会更改 "$1" 的账户'],
  [
    /^It deletes something at the account of "([^"]+)", perhaps permanently$/,
    '它会从 "$1" 的账户中去掉一些内容，可能无法恢复',
  ],
  [
    /^It spends money, or repeats a purchase that has been counted; no address is counted$/,
    '它会花钱，或重复已计入的购买；不计入地址',
  ],
  [/^It spends money: one address, counted in the budget of "([^"]+)"$/, '它会花钱：一个地址，计入 "$1" 的预算'],
  [
    /^It spends money: up to (\d+) addresses, counted in the budget of "([^"]+)"$/,
    '它会花钱：最多 $1 个地址，计入 "$2" 的预算',
  ],
]

function chineseConsequence(english: string): string {
  const found = CONSEQUENCES.find(([form]) => form.test(english))
  return found === undefined ? english : english.replace(...found)
}

/** A value of a parameter may hold a bracket too: the description is the part that the catalogue has. */
function beforeValues(what: string): string {
  for (let at = what.length; at > 0; at = what.lastIndexOf(' (', at - 1)) {
    const about = what.slice(0, at)
    const chinese = chineseDescription(about)
    if (chinese !== about) return `${chinese}${what.slice(at)}`
  }
  return what
}
