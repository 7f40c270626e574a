/**
 * `gateway`: vendors that sell traffic through one fixed host, whose user name (or password) selects session and place. There is
 * no API: a session is created here by naming it, and each is an upstream of its own with its life.
 */

import { randomInt } from 'node:crypto'
import { z } from 'zod'
import { given } from '../given.ts'
import { Secret } from '../secret.ts'
import type { ProxyRecord } from './contract/delivery.ts'
import { VendorError } from './contract/error.ts'
import type { Operation } from './contract/operation.ts'
import type { Delivered, Vendor } from './contract/vendor.ts'
import { checkGateway } from './gateway/check.ts'
import { type GatewayOwn, type Place, settings, valuesOf } from './gateway/settings.ts'
import { fill } from './parse/template.ts'

const SESSION = 'session'
const MAX_PER_ORDER = 100

/** Part of session names; not sent by itself. */
const naming: Operation = {
  about: 'makes sessions by naming them',
  document: 'none: the entry in gateway.yaml',
  method: 'GET',
  path: '',
  params: {},
  // No vendor is called; the number limits how fast sessions are created when none of them works.
  limit: () => ({ calls: 10, perMs: 1_000 }),
  effect: 'reads',
  compose: () => {
    throw new VendorError('bad_request', 'operation', 'a gateway has no API: its sessions are made by naming them')
  },
}

const ALPHABETS = {
  alphanumeric: '0123456789abcdefghijklmnopqrstuvwxyz',
  digits: '0123456789',
  letters: 'abcdefghijklmnopqrstuvwxyz',
} as const

function nameOf({ length, of }: GatewayOwn['session']): string {
  const alphabet = ALPHABETS[of]
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('')
}

/** @param place empty: the vendor chooses */
function sessionAt(own: GatewayOwn, port: number, { host = own.host, port: _, ...place }: Place): ProxyRecord {
  const { protocol, life, username, password } = own
  const session = nameOf(own.session)
  const values = { ...valuesOf(own), ...given({ ...place }), session }
  return {
    host,
    port,
    protocol,
    session,
    ref: session,
    life: { kind: 'for', ms: life, isTerm: true },
    ...given({
      username: username && fill(username.reveal(), values),
      password: password && new Secret(fill(password.reveal(), values)),
      ...place,
    }),
  }
}

/** Places and ports are used in turn, so that all of them are held; the ports of a place only by its own sessions. */
function sessionsOf(own: GatewayOwn): (count: number) => Delivered {
  let turn = 0
  return (count) => {
    const sold = Array.from({ length: count }, () => {
      const place = own.places[turn % Math.max(1, own.places.length)] ?? {}
      const [first, last] = place.port ?? own.port
      const round = place.port === undefined ? turn : Math.floor(turn / own.places.length)
      turn++
      return sessionAt(own, first + (round % (last - first + 1)), place)
    })
    return { sold, rejected: [] }
  }
}

/** @param make undefined when there is no entry */
function gatewayWith(make?: (count: number) => Delivered): Vendor {
  return {
    name: 'gateway',
    baseUrl: 'http://127.0.0.1', // never called
    credentials: z.strictObject({}),
    operations: { [SESSION]: naming },
    products: {
      sessions: {
        about: 'sessions behind one fixed host, each with its life',
        extract: SESSION,
        maxPerCall: MAX_PER_ORDER,
        settings,
        check: checkGateway,
        order: () => ({}),
        take: (count) => Promise.resolve(make?.(count) ?? { sold: [], rejected: [] }),
        deliver: () => ({ sold: [], rejected: [] }),
      },
    },
    authorize: (_operation, params) => params,
    decode: () => undefined,
  }
}

/** Represents all gateways: name, product and keys are the same for all. */
export const gateway: Vendor = gatewayWith()

/** @param own the entry's own keys, as the configuration parsed them */
export function gatewayOf(own: GatewayOwn): Vendor {
  return gatewayWith(sessionsOf(own))
}
