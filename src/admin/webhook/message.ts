/** The body of a report, as the receiver reads it. Holds what `GET /v1/verdict` shows, and nothing else. */
import type { WebhookFormat } from '../../config/webhook-schema.ts'
import { fill, type Language } from '../../messages/text.ts'
import { verdictTexts } from '../../messages/verdict.ts'
import type { Finding } from '../api/schemas/verdict.ts'

interface Report {
  /** Name of this machine. */
  readonly host: string
  /** Time of day, ISO 8601. */
  readonly time: string
  readonly warnings: readonly Finding[]
}

export function bodyOf(report: Report, format: WebhookFormat, language: Language): string {
  const warnings = report.warnings.map((finding) => worded(finding, language))
  const text = [`Turnpike (${report.host})`, ...warnings.map(lineOf)].join('\n')
  return JSON.stringify(bodies[format](text, { version: 1, host: report.host, time: report.time, text, warnings }))
}

const ofTwo = (content: string) => ({ msgtype: 'text', text: { content } })

const bodies: Readonly<Record<WebhookFormat, (text: string, whole: unknown) => unknown>> = {
  json: (_, whole) => whole,
  slack: (text) => ({ text }),
  feishu: (text) => ({ msg_type: 'text', content: { text } }),
  dingtalk: ofTwo,
  wecom: ofTwo,
}

function worded({ level, code, provider, params }: Finding, language: Language) {
  return {
    ...{ level, code, provider, params },
    sentence: fill(verdictTexts[`verdict.${code}`][language], params),
    remedy: fill(verdictTexts[`remedy.${code}`][language], params),
  }
}

const lineOf = ({ sentence, remedy }: ReturnType<typeof worded>): string => `${sentence} ${remedy}`
