/** Topics with small reports: compared as text with the last one that was sent. */
import type { ProvidersEvent } from '../api/schemas/events.ts'
import type { HistoryReport } from '../api/schemas/history.ts'
import type { ProviderReport } from '../api/schemas/providers.ts'
import type { VerdictReport } from '../api/schemas/verdict.ts'
import type { History } from '../history.ts'
import type { Feed } from './feed.ts'

export class VerdictFeed implements Feed {
  readonly #read: () => VerdictReport
  #sent = ''

  constructor(read: () => VerdictReport) {
    this.#read = read
  }

  first(): Iterable<VerdictReport> {
    return [this.#read()]
  }

  changes(): Iterable<VerdictReport> {
    const report = this.#read()
    const text = JSON.stringify(report)
    if (text === this.#sent) return []
    this.#sent = text
    return [report]
  }

  begin(): void {
    this.#sent = JSON.stringify(this.#read())
  }

  end(): void {}
}

export class ProvidersFeed implements Feed {
  readonly #read: () => readonly ProviderReport[]
  /** Name -> the last report that was sent, as text. */
  readonly #sent = new Map<string, string>()

  constructor(read: () => readonly ProviderReport[]) {
    this.#read = read
  }

  first(): Iterable<ProvidersEvent> {
    return [{ isFirst: true, providers: [...this.#read()], gone: [] }]
  }

  changes(): Iterable<ProvidersEvent> {
    const reports = this.#read()
    const providers = reports.filter((report) => this.#note(report))
    const gone = [...this.#sent.keys()].filter((name) => !reports.some((report) => report.name === name))
    for (const name of gone) this.#sent.delete(name)
    return providers.length + gone.length === 0 ? [] : [{ isFirst: false, providers, gone }]
  }

  /** @returns whether it differs from what was sent */
  #note(report: ProviderReport): boolean {
    const text = JSON.stringify({ ...report, ...onlyTime(report) })
    if (this.#sent.get(report.name) === text) return false
    this.#sent.set(report.name, text)
    return true
  }

  begin(): void {
    for (const report of this.#read()) this.#note(report)
  }

  end(): void {
    this.#sent.clear()
  }
}

/** Members that only count down: pages compute them. Only their expiry is a change. */
function onlyTime({ nextAttemptInSeconds, nextCallInSeconds }: ProviderReport) {
  return {
    nextAttemptInSeconds: nextAttemptInSeconds === 0,
    nextAttemptAt: null,
    nextCallInSeconds: nextCallInSeconds === 0,
    lastErrorAgoSeconds: null,
    budgetReachedForSeconds: null,
  }
}

export class HistoryFeed implements Feed {
  readonly #history: History
  #sent = 0

  constructor(history: History) {
    this.#history = history
  }

  first(): Iterable<HistoryReport> {
    return [this.#history.report()]
  }

  /** Only the intervals that have ended since then. */
  changes(): Iterable<HistoryReport> {
    const news = this.#history.samples - this.#sent
    this.#sent = this.#history.samples
    return news === 0 ? [] : [this.#history.report(news)]
  }

  begin(): void {
    this.#sent = this.#history.samples
  }

  end(): void {}
}
