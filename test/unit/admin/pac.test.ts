import { expect, it } from 'vitest'
import { pacOf } from '../../../src/admin/pac.ts'
import { parse } from '../config/fake-catalogue.ts'

const PROVIDER = 'providers: [{ name: p, vendor: demo }]\n'

/** The proxy that the file names. @param ports where each port really listens */
function proxyOf(listen: string, host: string, wanted?: string, ports: readonly number[] = []): string | undefined {
  const config = parse(`listen: ${listen}\nadmin: { token: a-token-of-this-test }\n${PROVIDER}`)
  const addresses = ports.map((port) => ({ host: '127.0.0.1', port }))
  return /^var GATEWAY = "(.*)";$/m.exec(pacOf({ config, addresses }, wanted, host) ?? '')?.[1]
}

const ALLOW = 'allow: [192.0.2.0/24]'

it('names the port under the address that the browser can reach', () => {
  expect(proxyOf('[{ port: 8080 }]', 'localhost:8081')).toBe('PROXY 127.0.0.1:8080')
  expect(proxyOf('[{ port: 0 }]', '127.0.0.1:8081', undefined, [40_001])).toBe('PROXY 127.0.0.1:40001')
  expect(proxyOf('[{ host: "::1" }]', '[::1]:8081')).toBe('PROXY [::1]:8080')
  expect(proxyOf(`[{ host: 0.0.0.0, ${ALLOW} }]`, '192.0.2.7:8081')).toBe('PROXY 192.0.2.7:8080')
  expect(proxyOf(`[{ host: "::", ${ALLOW} }]`, '[2001:db8::7]:8081')).toBe('PROXY [2001:db8::7]:8080')
  expect(proxyOf(`[{ host: 192.0.2.8, ${ALLOW} }]`, '127.0.0.1:8081')).toBe('PROXY 192.0.2.8:8080')
})

it('passes over ports that only this machine can reach, for a browser on another', () => {
  const both = `[{ port: 8080 }, { host: 0.0.0.0, port: 9000, name: lan, ${ALLOW} }]`
  expect(proxyOf(both, '192.0.2.7:8081')).toBe('PROXY 192.0.2.7:9000')
  expect(proxyOf(both, '127.0.0.1:8081')).toBe('PROXY 127.0.0.1:8080')
  expect(proxyOf('[{ port: 8080 }]', '192.0.2.7:8081')).toBeUndefined()
})

it('takes the port that is asked for, by number or name', () => {
  const two = '[{ port: 8080 }, { port: 9000, name: second }]'
  for (const wanted of ['9000', 'second']) expect(proxyOf(two, 'localhost:8081', wanted)).toBe('PROXY 127.0.0.1:9000')
  expect(proxyOf(two, 'localhost:8081', 'third')).toBeUndefined()
})

it('says nothing of direct where users of the port may not go there', () => {
  const file = (user: string) => {
    const listen = `listen: [{ users: [${user}] }]\nroutes: ["DOMAIN,a.test,direct"]\n`
    return pacOf({ config: parse(listen + PROVIDER), addresses: [] }, undefined, 'localhost:8081')
  }
  expect(file('{ name: u, password: a-password }')).toContain('a.test')
  expect(file('{ name: u, password: a-password, providers: [p] }')).not.toContain('a.test')
})
