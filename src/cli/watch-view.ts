/** One frame of `turnpike status --watch`: a pure function of the current reports and the screen size. */
import { styleText } from 'node:util'
import { durationInWords } from '../messages/duration.ts'
import { currentLanguage, say } from '../messages/language.ts'
import { pageTexts } from '../messages/page.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { type VerdictText, verdictSentence, verdictTexts } from '../messages/verdict.ts'
import type { LiveCounters, LiveProvider, LiveReports, LiveVerdict } from './live-reports.ts'
import { displayWidth, fitWidth, oneLine, padEnd, wrapWidth } from './table.ts'

interface Screen {
  /** Longer lines are cut; Infinity: none is cut. */
  readonly columns: number
  /** Further lines are left out; Infinity: none is left out. */
  readonly rows: number
  readonly isColoured: boolean
}

/** The state of the connection to the gateway. */
interface LiveLink {
  readonly place: string
  /** Why there is no connection, in words; undefined while there is one. */
  readonly trouble: string | undefined
  /** Time of the clock that has also timed the reports, ms. */
  readonly now: number
}

type Style = Parameters<typeof styleText>[0]
interface Line {
  readonly text: string
  /** A sentence: broken into lines where it is too long; other lines are cut. */
  readonly isSentence?: boolean
  readonly style?: Style
}

/** @returns lines without line feeds, none wider than the screen, at most as many as it has rows */
export function renderFrame(reports: LiveReports, link: LiveLink, screen: Screen): readonly string[] {
  const { verdict, counters, providers } = reports
  const lines: Line[] = [
    { text: titleOf(reports, link), style: 'bold' },
    ...(link.trouble === undefined ? worstFindings(verdict) : [{ text: link.trouble, style: 'red' as const }]),
    { text: '' },
    ...(counters === undefined ? [{ text: translate('waiting for the first report') }] : figureLines(counters)),
    ...(providers.size === 0
      ? []
      : [{ text: '' }, ...providerLines([...providers.values()], screen.columns, link.now)]),
  ]
  const all = lines.flatMap((line) => {
    const { text, isSentence = false } = line
    return (isSentence ? wrapWidth(text, screen.columns) : [fitWidth(text, screen.columns)]).map((text) => ({
      ...line,
      text,
    }))
  })
  const shown = all.length <= screen.rows ? all : [...all.slice(0, Math.max(1, screen.rows - 1)), { text: '…' }]
  return shown.map(({ text, style }) => styled(text, style, screen.isColoured))
}

function styled(text: string, style: Style | undefined, isColoured: boolean): string {
  return isColoured && style !== undefined && text !== '' ? styleText(style, text, { validateStream: false }) : text
}

function titleOf({ gateway }: LiveReports, { place, trouble }: LiveLink): string {
  const facts = [
    `Turnpike${gateway === undefined ? '' : ` ${oneLine(gateway.version)}`}`,
    place,
    ...(trouble === undefined || gateway === undefined ? [] : [translate('disconnected, trying again')]),
  ]
  return facts.join(' · ')
}

const STYLES: Readonly<Record<string, Style>> = { critical: 'red', warning: 'yellow', notice: 'cyan', ok: 'green' }

/** Every finding, and below it the remedy, with the command for a retry. */
export function verdictLines(verdict: LiveVerdict | undefined): Line[] {
  return (verdict?.findings ?? []).flatMap(({ level, code, params, sentence, remedy, provider, action }): Line[] => {
    const style = STYLES[level] ?? 'yellow'
    const first = { text: oneLine(inLanguage(`verdict.${code}`, params, sentence)), style, isSentence: true }
    if (level === 'ok') return [first]
    const command = action === 'retry' && provider != null ? ` [turnpike retry ${provider}]` : ''
    return [first, { text: `  ${oneLine(inLanguage(`remedy.${code}`, params, remedy) + command)}`, isSentence: true }]
  })
}

/** Findings beside which the figures fit on a terminal of 24 rows. */
const SHOWN_FINDINGS = 3

function worstFindings(verdict: LiveVerdict | undefined): Line[] {
  if (verdict === undefined) return []
  const { findings } = verdict
  const others = findings.length - SHOWN_FINDINGS
  return [
    ...verdictLines({ ...verdict, findings: findings.slice(0, SHOWN_FINDINGS) }),
    ...(others <= 0 ? [] : [{ text: translate('{count} more: see turnpike status', { count: others }) }]),
  ]
}

function inLanguage(key: string, params: Readonly<Record<string, string | number>>, english: string): string {
  return key in verdictTexts ? verdictSentence(key as VerdictText, currentLanguage(), params) : english
}

function figureLines(counters: LiveCounters): Line[] {
  const { connections, tunnels, waiting, sessions, upstreams, openedDirect } = counters
  const { openedPerSecond, refusedPerSecond, setupP50Seconds: p50, setupP99Seconds: p99 } = counters
  const groups: (readonly [title: string, figures: readonly string[]])[] = [
    [
      translate('rates'),
      [
        translate('tunnels/s {count}', { count: openedPerSecond }),
        translate('refused/s {count}', { count: refusedPerSecond }),
        ...(p50 == null
          ? []
          : [translate('set-up p50 {p50} ms, p99 {p99} ms', { p50: inMs(p50), p99: inMs(p99 ?? p50) })]),
      ],
    ],
    [
      translate('clients'),
      [
        translate('connections {count}', { count: connections }),
        translate('tunnels {count}', { count: tunnels }),
        translate('waiting {count}', { count: waiting }),
        translate('sessions {count}', { count: sessions }),
      ],
    ],
    [
      translate('pool'),
      [
        translate('ready {count}', { count: upstreams['ready'] ?? 0 }),
        translate('resting {count}', { count: upstreams['resting'] ?? 0 }),
        translate('draining {count}', { count: upstreams['draining'] ?? 0 }),
        ...(openedDirect === 0 ? [] : [translate('opened directly {count}', { count: openedDirect })]),
      ],
    ],
  ]
  const width = Math.max(...groups.map(([title]) => displayWidth(title)))
  return groups.map(([title, figures]) => ({ text: `${padEnd(title, width)}  ${figures.join('   ')}` }))
}

const inMs = (seconds: number): number => Math.round(seconds * 1_000)

interface Column {
  readonly title: string
  readonly cell: (report: LiveProvider) => string
}

const orDash = (value: number | null | undefined): string => (value == null ? '-' : String(value))

/** In order of importance: a narrow screen leaves out those on the right. */
function columnsOf(): readonly Column[] {
  return [
    { title: translate('provider'), cell: ({ name }) => oneLine(name) },
    { title: translate('state'), cell: ({ state }) => stateText(state) },
    { title: translate('alive'), cell: ({ alive }) => String(alive) },
    {
      title: translate('calls'),
      cell: ({ windowCalls, callsLeft }) => `${Math.max(0, windowCalls - callsLeft)}/${windowCalls}`,
    },
    { title: translate('budget left'), cell: ({ budgetLeft }) => orDash(budgetLeft) },
    {
      title: translate('channels'),
      cell: ({ channels, channelsFree }) => (channels == null ? '-' : `${channels - (channelsFree ?? 0)}/${channels}`),
    },
    { title: translate('bought'), cell: ({ bought }) => String(bought) },
    { title: translate('used'), cell: ({ used }) => String(used) },
    { title: translate('wasted'), cell: ({ wasted }) => String(wasted) },
    { title: translate('balance'), cell: ({ balance }) => orDash(balance) },
  ]
}

const stateTexts: Readonly<Record<string, keyof typeof pageTexts>> = {
  ready: 'state.ready',
  waiting: 'state.waiting',
  stopped: 'state.stopped',
  unusable: 'state.unusable',
  'budget-reached': 'state.budget',
  paused: 'state.paused',
}

/** The state of a provider in the language of the process. */
export function stateText(state: string): string {
  const key = stateTexts[state]
  return key === undefined ? oneLine(state) : say(pageTexts[key])
}

const GAP = 2

function providerLines(reports: readonly LiveProvider[], columns: number, now: number): Line[] {
  const all = columnsOf().map((column) => {
    const cells = [column.title, ...reports.map(column.cell)]
    return { cells, width: Math.max(...cells.map(displayWidth)) }
  })
  const [name, state] = all
  // A long name leaves room for the state.
  if (name !== undefined && state !== undefined) name.width = Math.min(name.width, columns - GAP - state.width)
  const shown = all.filter((_, index) => {
    const width = all.slice(0, index + 1).reduce((sum, column) => sum + column.width + GAP, -GAP)
    // Name and state are always shown; other columns only when they fit.
    return index < 2 || width <= columns
  })
  const row = (number: number) =>
    shown
      .map(({ cells, width }) => padEnd(fitWidth(cells[number] ?? '', width), width))
      .join(' '.repeat(GAP))
      .trimEnd()
  return [
    { text: row(0), style: 'cyan' },
    ...reports.flatMap((report, index) => [{ text: row(index + 1) }, ...why(report, now)]),
  ]
}

function why({ state, reason, nextAttemptInSeconds, takenAt }: LiveProvider, now: number): Line[] {
  if (state === 'ready' || reason == null || reason === '') return []
  const next = Math.ceil((nextAttemptInSeconds ?? 0) - (now - takenAt) / 1_000)
  const when = next > 0 ? say(pageTexts['provider.next'], { time: durationInWords(next, currentLanguage()) }) : ''
  return [{ text: `  ${oneLine(translateSentence(reason))}${when}`, style: 'yellow', isSentence: true }]
}
