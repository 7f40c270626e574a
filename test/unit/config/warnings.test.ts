import { expect, it } from 'vitest'
import { warningsOf } from '../../../src/config/warnings.ts'
import { oneProvider, parse } from './fake-catalogue.ts'

const SHORT = '12345678901'
const warnings = (text: string) =>
  warningsOf(parse(`${text}\n${oneProvider}`)).map(({ path, message }) => `${path} ${message}`)
const listen = (host: string, password: string) =>
  `listen: [{ host: ${host}, users: [{ name: u, password: "${password}" }] }]`

it('warns of passwords of fewer than 12 characters where other machines can reach the port', () => {
  expect(warnings(listen('0.0.0.0', SHORT))).toEqual([
    'listen[0].users[0].password is shorter than 12 characters, and other machines can reach this port',
  ])
  expect(warnings(listen('0.0.0.0', `${SHORT}2`))).toEqual([])
  for (const host of ['127.0.0.1', 'localhost', '"::1"']) expect(warnings(listen(host, 'p'))).toEqual([])
})

it('allows an empty password and an empty user name, and warns of them', () => {
  expect(warnings(listen('127.0.0.1', ''))).toEqual([
    'listen[0].users[0].password is empty: who knows the name may use this port',
  ])
  expect(warnings('listen: [{ users: [{ name: "", password: "right-password" }] }]')).toEqual([
    'listen[0].users[0].name is empty: many SOCKS5 clients cannot send an empty user name',
  ])
})

it('warns of rules to direct, once for all of them', () => {
  expect(warnings('routes: ["MATCH,block"]')).toEqual([])
  expect(warnings('routes: ["DOMAIN,a.test,block", "DOMAIN,b.test,direct"]')).toEqual([
    'routes[1].to targets of this rule are connected to directly, through no upstream: they see the address of this machine',
  ])
  expect(warnings('routes: ["MATCH,direct", "MATCH,direct", "MATCH,direct"]')[0]).toContain('this rule and 2 more')
})

it('warns of rules for users that no port has, unless a port lets clients use any name', () => {
  const users = '{ users: [{ name: a, password: right-password }] }'
  const routes = 'routes: [{ user: a, to: block }, { user: [b, c], to: block }, { user: [a, b], to: block }]'
  expect(warnings(`listen: [${users}]\n${routes}`)).toEqual([
    'routes[1].user no port has a user of this name: the rule matches no client',
  ])
  expect(warnings(`listen: [${users}, { port: 8090 }]\n${routes}`)).toEqual([])
})

it('warns of such a token of the admin port', () => {
  expect(warnings(`admin: { host: 192.0.2.1, token: "${SHORT}" }`)).toEqual([
    'admin.token is shorter than 12 characters, and other machines can reach the admin port',
  ])
  expect(warnings(`admin: { token: "${SHORT}" }`)).toEqual([])
  expect(warnings('admin: off')).toEqual([])
})
