/** The call of an entry that returns a token. */
import { Secret } from '../../secret.ts'
import type { Life } from '../contract/delivery.ts'
import type { VendorLogin } from '../contract/vendor.ts'
import { malformed } from '../parse/reply.ts'
import { teller } from './item.ts'
import { lifeReader } from './life.ts'
import { LOGIN } from './operations.ts'
import { textAt } from './reply.ts'
import type { LoginSettings } from './settings.ts'

const MAX_BEFORE_MS = 300_000
/** Valid in a header field; longer than any token in use. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/

export function loginOf(settings: LoginSettings): VendorLogin {
  const { token: place, life: fixed, renewBefore } = settings
  const life = lifeReader(settings)
  return {
    operation: LOGIN,
    read: (data) => {
      const token = textAt(data, place)
      if (token === undefined || !TOKEN.test(token)) throw malformed('the reply has no token where login.token says')
      const told = life(teller(() => [], { value: data, keys: [] }, data))
      const known: Life = told.kind === 'unknown' && fixed !== undefined ? { kind: 'for', ms: fixed } : told
      return { token: new Secret(token), life: known }
    },
    renewBeforeMs: (lifeMs) => renewBefore ?? Math.min(lifeMs / 10, MAX_BEFORE_MS),
  }
}
