/** The call of an entry that returns a token. */
import { Secret } from '../../secret.ts'
import type { Life } from '../contract/delivery.ts'
import type { RawReply } from '../contract/operation.ts'
import type { VendorLogin } from '../contract/vendor.ts'
import { malformed } from '../parse/reply.ts'
import { type Outside, outsideOf } from './headers.ts'
import { teller } from './item.ts'
import { lifeReader } from './life.ts'
import { readAnswer } from './reply.ts'
import type { ReplySettings } from './reply-settings.ts'
import { readSelector, type Selector } from './select.ts'
import type { LoginSettings } from './settings.ts'

export const LOGIN = 'login'
const MAX_BEFORE_MS = 300_000
/** Valid in a header field; longer than any token in use. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/

/** The body of a reply with its header fields and cookies. */
class LoginReply {
  readonly body: unknown
  readonly outside: Outside
  constructor(body: unknown, outside: Outside) {
    this.body = body
    this.outside = outside
  }
}

/** @returns the body; a `LoginReply` where the entry reads header fields or cookies @throws {VendorError} */
export function readLogin(settings: LoginSettings, rules: ReplySettings): (reply: RawReply) => unknown {
  const places = [settings.token, settings.ttl?.field, settings.deadline?.field]
  const isOutside = places.some((place) => place !== undefined && isOutsideBody(readSelector(place)))
  return (reply) => {
    const body = readAnswer(reply, rules, undefined)
    return isOutside ? new LoginReply(body, outsideOf(reply)) : body
  }
}

const isOutsideBody = (selector: Selector): boolean =>
  typeof selector === 'object' && (selector.of === 'header' || selector.of === 'cookie')

export function loginOf(settings: LoginSettings): VendorLogin {
  const { token: place = '$', life: fixed, renewBefore } = settings
  const life = lifeReader(settings)
  const selector = readSelector(place)
  return {
    operation: LOGIN,
    read: (data) => {
      const { body, outside } = data instanceof LoginReply ? data : { body: data, outside: undefined }
      const tell = teller((text) => [text], { value: body, keys: [] }, body, outside)
      const token = tell(selector)
      if (token === undefined || !TOKEN.test(token)) throw malformed('the reply has no token where login.token says')
      const told = life(tell)
      const stated = told.kind === 'unknown' ? lifeOfCookie(selector, outside) : told
      const known: Life = stated.kind === 'unknown' && fixed !== undefined ? { kind: 'for', ms: fixed } : stated
      return { token: new Secret(token), life: known }
    },
    renewBeforeMs: (lifeMs) => renewBefore ?? Math.min(lifeMs / 10, MAX_BEFORE_MS),
  }
}

function lifeOfCookie(selector: Selector, outside: Outside | undefined): Life {
  const [step] = typeof selector === 'object' && selector.of === 'cookie' ? selector.path : []
  const name = step !== undefined && 'key' in step ? step.key : ''
  return outside !== undefined && Object.hasOwn(outside.lives, name)
    ? (outside.lives[name] ?? { kind: 'unknown' })
    : { kind: 'unknown' }
}
