/** Which warnings have not been reported yet. Pure: the caller says what is the case now, and what became of a report. */
import type { Finding, VerdictReport } from '../api/schemas/verdict.ts'

/** A warning that comes and goes within this is one warning, ms. */
const FORGET_AFTER_MS = 600_000
/** A report that could not be delivered is tried again after this, ms. */
const RETRY_AFTER_MS = 600_000

interface Entry {
  /** At how many looks it was the case. */
  looks: number
  seenAt: number
  isReported: boolean
  notBefore: number
}

export class WarningBook {
  readonly #entries = new Map<string, Entry>()

  /**
   * @param now clock ms
   * @returns warnings that were the case at this look and at one in the ten minutes before, and that have not been reported
   */
  unreported({ findings }: VerdictReport, now: number): readonly Finding[] {
    for (const [key, { seenAt }] of this.#entries) if (now - seenAt >= FORGET_AFTER_MS) this.#entries.delete(key)
    return findings.filter(isWarning).filter((finding) => {
      const entry = this.#seen(keyOf(finding), now)
      return entry.looks > 1 && !entry.isReported && now >= entry.notBefore
    })
  }

  #seen(key: string, now: number): Entry {
    const entry = this.#entries.get(key) ?? { looks: 0, seenAt: now, isReported: false, notBefore: now }
    entry.looks++
    entry.seenAt = now
    this.#entries.set(key, entry)
    return entry
  }

  reported(findings: readonly Finding[]): void {
    for (const entry of this.#entriesOf(findings)) entry.isReported = true
  }

  /** @param now clock ms */
  failed(findings: readonly Finding[], now: number): void {
    for (const entry of this.#entriesOf(findings)) entry.notBefore = now + RETRY_AFTER_MS
  }

  #entriesOf(findings: readonly Finding[]): Entry[] {
    return findings.flatMap((finding) => this.#entries.get(keyOf(finding)) ?? [])
  }
}

const isWarning = ({ level }: Finding): boolean => level === 'critical' || level === 'warning'

/** Its words may change while it lasts: a balance falls further, a vendor gives another reason. */
const keyOf = ({ code, provider }: Finding): string => `${code} ${provider ?? ''}`
