/** Settings that are valid but risky: reported by `turnpike check`, and in the log at start. */
import { isLoopback } from '../address.ts'
import type { Secret } from '../secret.ts'
import type { Config } from './schema.ts'

interface ConfigWarning {
  /** The path, such as `listen[0].users[1].password`. */
  readonly path: string
  readonly message: string
}

/** Shorter passwords can be guessed from other machines (NIST SP 800-63B requires at least 8 characters, recommends 15). */
const MIN_SECRET_LENGTH = 12

/** Never contains a secret. */
export function warningsOf({ listen, admin, routes }: Config): readonly ConfigWarning[] {
  const logins = listen.flatMap(({ host, users = [] }, l) =>
    users.flatMap(({ name, password }, u) => {
      const path = `listen[${l}].users[${u}]`
      const isOpen = password.reveal() === ''
      return [
        ...(name === '' ? [emptyName(`${path}.name`)] : []),
        ...(isOpen ? [emptyPassword(`${path}.password`)] : short(host, password, `${path}.password`, 'this port')),
      ]
    }),
  )
  const found = [...logins, ...directRules(routes), ...rulesOfNoUser(listen, routes)]
  if (admin === 'off' || admin.token === undefined) return found
  return [...found, ...short(admin.host, admin.token, 'admin.token', 'the admin port')]
}

/** One warning for all of them: there may be thousands. */
function directRules(routes: Config['routes']): ConfigWarning[] {
  const direct = routes.flatMap(({ to }, number) => (to.kind === 'direct' ? [number] : []))
  const [first, ...others] = direct
  if (first === undefined) return []
  const which = others.length === 0 ? 'this rule' : `this rule and ${others.length} more`
  const message = `targets of ${which} are connected to directly, through no upstream: they see the address of this machine`
  return [{ path: `routes[${first}].to`, message }]
}

/** A port without users lets a client use any name. */
function rulesOfNoUser(listen: Config['listen'], routes: Config['routes']): ConfigWarning[] {
  if (listen.some(({ users }) => users === undefined)) return []
  const known = new Set(listen.flatMap(({ users = [] }) => users.map(({ name }) => name)))
  return routes.flatMap(({ user }, number) =>
    user === undefined || user.some((name) => known.has(name))
      ? []
      : [{ path: `routes[${number}].user`, message: 'no port has a user of this name: the rule matches no client' }],
  )
}

function emptyPassword(path: string): ConfigWarning {
  return { path, message: 'is empty: who knows the name may use this port' }
}

/** RFC 7617 section 2 allows an empty name; RFC 1929 section 2 requires 1 to 255 octets. */
function emptyName(path: string): ConfigWarning {
  return { path, message: 'is empty: many SOCKS5 clients cannot send an empty user name' }
}

function short(host: string, secret: Secret, path: string, what: string): ConfigWarning[] {
  if (isLoopback(host) || secret.reveal().length >= MIN_SECRET_LENGTH) return []
  const message = `is shorter than ${MIN_SECRET_LENGTH} characters, and other machines can reach ${what}`
  return [{ path, message }]
}
