/** A vendor that answers what it is told to, without sockets; and what every test of a source needs. */
import { inspect } from 'node:util'
import { Secret } from '../../../src/secret.ts'
import type { SourceDeps } from '../../../src/vendors/client/contract.ts'
import type { VendorHttp, VendorReply, VendorRequest } from '../../../src/vendors/client/http.ts'
import type { ProxyRecord } from '../../../src/vendors/contract/delivery.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Source, SourceSettings } from '../../../src/vendors/contract/source.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'

export interface Scripted {
  readonly status?: number
  readonly headers?: VendorReply['headers']
  readonly body: string
  readonly vendorWallMs?: number
}

export class ScriptedHttp implements VendorHttp {
  readonly requests: VendorRequest[] = []
  /** What every call is answered when `script` is empty. */
  reply: Scripted
  /** The answers of the next calls, one each. */
  script: readonly Scripted[] = []
  readonly #clock: FakeClock

  constructor(clock: FakeClock, reply: Scripted = { body: '' }) {
    this.#clock = clock
    this.reply = reply
  }

  call(request: VendorRequest): Promise<VendorReply> {
    this.requests.push(request)
    const [next = this.reply, ...rest] = this.script
    this.script = rest
    const { status = 200, headers = {}, body: text, vendorWallMs } = next
    return Promise.resolve({ status, headers, text, sentAt: this.#clock.now(), vendorWallMs })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export type SettingsOf = Partial<Omit<SourceSettings, 'credentials'>> & {
  readonly vendor: string
  readonly product: string
  readonly credentials?: Readonly<Record<string, string>>
}

export function settingsOf({ credentials = {}, ...rest }: SettingsOf): SourceSettings {
  return {
    name: 'under-test',
    request: {},
    allowPrivate: false,
    limit: { share: 1 },
    callTimeoutMs: 5_000,
    maxBodyBytes: 1_048_576,
    ...rest,
    credentials: Object.fromEntries(Object.entries(credentials).map(([name, value]) => [name, new Secret(value)])),
  }
}

/** A source whose vendor answers `reply`. */
export function scripted(
  settings: SettingsOf,
  reply?: Scripted,
): { source: Source; http: ScriptedHttp; clock: FakeClock } {
  const clock = new FakeClock()
  const http = new ScriptedHttp(clock, reply)
  const deps: SourceDeps = { clock, http }
  return { source: openSource(settingsOf(settings), deps), http, clock }
}

export const never: AbortSignal = new AbortController().signal

/** An address as a test writes it: the password in clear. */
export type PlainSold = Omit<ProxyRecord, 'password'> & { readonly password?: string }

export function plain({ password, ...rest }: ProxyRecord): PlainSold {
  return password === undefined ? rest : { ...rest, password: password.reveal() }
}

/** The VendorError that a promise ends with; anything else fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<VendorError> {
  const error = await promise.then(
    (value) => new Error(`no failure, but ${inspect(value)}`),
    (reason: unknown) => reason,
  )
  if (error instanceof VendorError) return error
  throw error
}

/** All that anybody could print of an error, its causes included. */
export function printed(error: unknown): string {
  const own =
    error instanceof Error ? JSON.stringify({ ...error, message: error.message, stack: error.stack }) : String(error)
  return `${own}\n${inspect(error, { depth: 10, showHidden: true })}`
}

/** The forms in which a secret could be recognised. */
export function formsOf(secret: string): string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]
}
