/**
 * The URL of the store of a cluster.
 *
 *     redis://[user:password@]host[:port][/database]       one server; rediss:// with TLS
 *     redis+sentinel://[...@]host:port,host:port/master    the master that Sentinels name; rediss+sentinel:// with TLS
 *     redis+cluster://[...@]host:port,host:port            Redis Cluster; rediss+cluster:// with TLS
 *
 * The login is for the servers; requests to Sentinels have no login.
 */
interface RedisAddress {
  readonly kind: 'server' | 'sentinel' | 'cluster'
  readonly tls: boolean
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly username: string | undefined
  readonly password: string | undefined
  /** The master's name for Sentinels, else the number of the database. */
  readonly path: string
}

const URL_FORM = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/]+)(?:\/([^/?#]*))?$/

/** @returns undefined for an invalid URL */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const [, tls, kind = 'server', login = '', hosts = '', path = ''] = URL_FORM.exec(url) ?? []
  if (hosts === '') return undefined
  const nodes = hosts.split(',').map(parseNode)
  const isPathWrong = kind === 'sentinel' ? path === '' : kind === 'cluster' ? path !== '' : !/^\d*$/.test(path)
  if (nodes.some((node) => node === undefined) || isPathWrong || (kind === 'server' && nodes.length > 1))
    return undefined
  if (!isDecodable(login)) return undefined
  const [username, password] = login.split(/:(.*)/s, 2)
  return {
    kind: kind as RedisAddress['kind'],
    tls: tls === 's',
    nodes: nodes.filter((node) => node !== undefined),
    username: decoded(username),
    password: decoded(password),
    path,
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const decoded = (text: string | undefined) => (text === undefined || text === '' ? undefined : decodeURIComponent(text))

function parseNode(text: string): { host: string; port: number } | undefined {
  const [, v6, plain, port = '6379'] = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? plain
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) }
}
