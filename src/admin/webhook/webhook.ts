/**
 * Sends warnings to a URL of the operator's: one POST for what is new, when something is. Looks at the verdict every ten
 * seconds, and only where a webhook is configured.
 */
import { type Clock, isoTime, type Timer } from '../../clock.ts'
import type { WebhookFormat } from '../../config/webhook-schema.ts'
import { runInBackground } from '../../internal-errors.ts'
import type { Log } from '../../log/log.ts'
import type { Language } from '../../messages/text.ts'
import type { Secret } from '../../secret.ts'
import type { Finding, VerdictReport } from '../api/schemas/verdict.ts'
import { bodyOf } from './message.ts'
import { WarningBook } from './warning-book.ts'

export interface WebhookSettings {
  /** Holds the receiver's token: never logged. */
  readonly url: Secret
  readonly format: WebhookFormat
  readonly language: Language
  readonly timeoutMs: number
  /** The URL may lead to loopback and private addresses. */
  readonly allowPrivate: boolean
}

export interface WebhookPost {
  readonly url: URL
  readonly body: string
  readonly timeoutMs: number
  readonly allowPrivate: boolean
}

interface WebhookDeps {
  readonly clock: Clock
  readonly log: Log
  /** Name of this machine. */
  readonly host: string
  readonly verdict: () => VerdictReport
  /**
   * Makes one POST. Redirects are not followed.
   * @returns the status of the answer
   * @throws an error whose `vendorCode` says in a word why there was none
   */
  readonly post: (request: WebhookPost, signal: AbortSignal) => Promise<number>
}

const LOOK_EVERY_MS = 10_000
/** Pauses after the first and the second failed try, ms; the third failure is final. */
const PAUSES_MS = [2_000, 10_000]

export class Webhook {
  readonly #deps: WebhookDeps
  readonly #book = new WarningBook()
  readonly #stopping = new AbortController()
  #settings: WebhookSettings | undefined
  #timer: Timer | undefined
  #isSending = false

  constructor(settings: WebhookSettings | undefined, deps: WebhookDeps) {
    this.#deps = deps
    this.configure(settings)
  }

  /** What has been reported stays so. @param settings undefined: nothing is sent */
  configure(settings: WebhookSettings | undefined): void {
    this.#settings = settings
    this.#timer?.clear()
    if (settings !== undefined) this.#lookLater()
  }

  #lookLater(): void {
    this.#timer = this.#deps.clock.after(LOOK_EVERY_MS, () => {
      this.#lookLater()
      this.#look()
    })
  }

  #look(): void {
    const { clock, verdict } = this.#deps
    const settings = this.#settings
    const warnings = this.#book.unreported(verdict(), clock.now())
    if (settings === undefined || warnings.length === 0 || this.#isSending) return
    this.#isSending = true
    runInBackground(this.#report(warnings, settings).finally(() => (this.#isSending = false)))
  }

  async #report(warnings: readonly Finding[], settings: WebhookSettings): Promise<void> {
    const { clock, log, host } = this.#deps
    const time = isoTime(clock.wall())
    const body = bodyOf({ host, time, warnings }, settings.format, settings.language)
    const failure = await this.#deliver(body, settings)
    if (this.#stopping.signal.aborted) return
    if (failure === undefined) return this.#book.reported(warnings)
    this.#book.failed(warnings, clock.now())
    log.warn({ reason: failure, warnings: warnings.length }, 'the webhook took no report of these warnings')
  }

  /** @returns why it failed; undefined: it was taken */
  async #deliver(body: string, { url, timeoutMs, allowPrivate }: WebhookSettings): Promise<string | undefined> {
    const { clock, post } = this.#deps
    const { signal } = this.#stopping
    let failure: string | undefined
    for (const pauseMs of [0, ...PAUSES_MS]) {
      try {
        if (pauseMs > 0) await clock.sleep(pauseMs, signal)
        const status = await post({ url: new URL(url.reveal()), body, timeoutMs, allowPrivate }, signal)
        if (status >= 200 && status < 300) return undefined
        failure = `HTTP ${status}`
      } catch (error) {
        if (signal.aborted) return undefined
        failure = reasonOf(error)
      }
    }
    return failure
  }

  close(): void {
    this.configure(undefined)
    this.#stopping.abort(new Error('the gateway is stopping'))
  }
}

const reasons: Readonly<Record<string, string>> = {
  connect: 'no connection',
  network: 'the connection broke',
  timeout: 'no answer within webhook.timeout',
  redirect: 'a redirect, which is not followed',
  body: 'an answer that is too large or broke off',
  link: 'the URL leads to a private address: webhook.allowPrivate accepts it',
}

/** Never the error's own words: they are about vendors. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'vendorCode' in error ? String(error.vendorCode) : ''
  return reasons[code] ?? 'the call failed inside the gateway'
}
