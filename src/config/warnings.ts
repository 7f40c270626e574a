/** What is allowed and still unwise: said by `turnpike check`, and in the log at start. */
import type { Secret } from '../secret.ts'
import { isLoopback } from './checks.ts'
import type { Config } from './schema.ts'

export interface ConfigWarning {
  /** Where, as in `listen[0].users[1].password`. */
  readonly path: string
  readonly message: string
}

/** Shorter secrets can be found by trying, where other machines can try (NIST SP 800-63B asks for at least 8, better 15). */
const MIN_SECRET_LENGTH = 12

/** Never holds a secret. */
export function warningsOf({ listen, admin }: Config): readonly ConfigWarning[] {
  const passwords = listen.flatMap(({ host, users = [] }, l) =>
    users.flatMap(({ password }, u) => short(host, password, `listen[${l}].users[${u}].password`, 'this port')),
  )
  if (admin === 'off' || admin.token === undefined) return passwords
  return [...passwords, ...short(admin.host, admin.token, 'admin.token', 'the admin port')]
}

function short(host: string, secret: Secret, path: string, what: string): ConfigWarning[] {
  if (isLoopback(host) || secret.reveal().length >= MIN_SECRET_LENGTH) return []
  const message = `is shorter than ${MIN_SECRET_LENGTH} characters, and other machines can reach ${what}`
  return [{ path, message }]
}
