/** How a section of `ipipv-open-api.txt` becomes an operation. */
import type { Operation } from '../contract/operation.ts'
import { COMMON, type Code, everyCode } from './codes.ts'

const DOCUMENT = 'ipipv-open-api.txt'

/** The document states no limits: two calls a second, all together, are safe. */
const limit = () => ({ calls: 2, perMs: 1_000 })

interface Section {
  readonly path?: string
  readonly about: string
  readonly effect?: Operation['effect']
  readonly quantity?: readonly string[]
  readonly params?: Operation['params']
  readonly oneOf?: NonNullable<Operation['oneOf']>
  readonly generates?: NonNullable<Operation['generates']>
  readonly reply: string
  readonly secrets?: NonNullable<Operation['secrets']>
  readonly codes?: readonly Code[]
}

export function section(
  name: string,
  title: string,
  { path = name, effect = 'reads', codes = [], ...rest }: Section,
): Operation {
  const { params = {}, ...words } = rest
  const errors = Object.fromEntries([...COMMON, ...codes].map((code) => [code, everyCode[code]]))
  return {
    ...words,
    document: `${DOCUMENT}, ${title}`,
    method: 'POST',
    encoding: 'json',
    path: `/api/open/app/${path}/v2`,
    params,
    limit,
    limitGroup: 'app',
    effect,
    errors,
  }
}
