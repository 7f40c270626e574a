/** Finds code and message in an envelope of unknown shape. */
import { type Fields, fieldsOf, first, plainName, words } from './members.ts'
import { membersOf } from './reply.ts'

export interface Said {
  readonly code: string | undefined
  readonly words: string
}

const CODES = words('code errcode errorcode errno statuscode retcode ret status state error err success')
const WORDS = words(
  `msg message errmsg errormsg errormessage errordescription info desc description detail details
   reason tips error err`,
)
/** Some vendors put the words of an error where the list of a success stands. */
const LISTS = words('result data')
/** One line, without what may be a login. */
const LINE = /^(?!.*[^\s\d:]:\S)[^\r\n@]{1,200}$/
/** Members that may wrap an envelope. */
const WRAPS = words('error errors result response data root xml')

/** Code and message of an envelope; undefined when the reply is not one. */
export function saidIn(tree: unknown, depth = 0): Said | undefined {
  const members = membersOf(Array.isArray(tree) && tree.length === 1 ? (tree as unknown[])[0] : tree)
  if (members === undefined || depth > 2) return undefined
  const fields = fieldsOf(members)
  const code = first(fields, CODES) ?? booleanIn(members)
  const said = first(fields, WORDS) ?? (code === undefined || isSuccess(code) ? undefined : lineIn(fields))
  if (said !== undefined) return { code: code === said || code === 'false' ? undefined : code, words: said }
  const wraps = Object.entries(members).filter(
    ([name]) => depth > 0 || WRAPS.includes(plainName(name)) || Object.keys(members).length === 1,
  )
  const inner = wraps.map(([, member]) => saidIn(member, depth + 1)).find((envelope) => envelope !== undefined)
  if (inner !== undefined) return { code: inner.code ?? code, words: inner.words }
  return code === undefined ? undefined : { code, words: '' }
}

function lineIn(fields: Fields): string | undefined {
  const text = first(fields, LISTS)
  return text !== undefined && LINE.test(text) ? text : undefined
}

function booleanIn(members: Readonly<Record<string, unknown>>): string | undefined {
  const entry = Object.entries(members).find(
    ([name, value]) => plainName(name) === 'success' && typeof value === 'boolean',
  )
  return entry === undefined ? undefined : String(entry[1])
}

const SUCCESS = /^(?:0|00|0000|200|1000|10000|success|succeeded|ok|true|(?:请求|操作|提取|获取)?成功)$/i

/** Whether a code means success at most vendors. */
export function isSuccess(code: string): boolean {
  return SUCCESS.test(code)
}
