/** Variables of the environment that change how Node connects, and that the gateway does not follow. */
import type { Environment } from '../config/environment.ts'

interface IgnoredVariable {
  readonly name: string
  /** A log message. */
  readonly because: string
}

/** @returns those that are set, each with what holds instead */
export function ignoredVariables(environment: Environment): readonly IgnoredVariable[] {
  const ignored: IgnoredVariable[] = []
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
    ignored.push({
      name: 'NODE_TLS_REJECT_UNAUTHORIZED',
      because: 'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: the certificates of vendors and upstreams are verified',
    })
  const usesProxy =
    environment['NODE_USE_ENV_PROXY'] === '1' || environment['NODE_OPTIONS']?.includes('--use-env-proxy')
  if (usesProxy)
    ignored.push({
      name: 'NODE_USE_ENV_PROXY',
      because: 'proxies of the environment are ignored: vendors and upstreams are connected to directly',
    })
  return ignored
}
