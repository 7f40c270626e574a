/** Plots of the last hour, drawn by uPlot. */
import { useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { HistoryReport, ProviderHistory } from '../../api/schemas/history.ts'
import { count, octets, timeOfDay } from '../format.ts'
import { language, t, theme } from '../i18n.ts'
import { history } from '../state.ts'

type Column = readonly (number | null)[]

interface Line {
  readonly label: string
  /** Name of a variable of the style sheet. */
  readonly colour: string
  readonly column: (report: HistoryReport) => Column
}

interface PlotSpec {
  readonly title: string
  readonly lines: readonly Line[]
  /** How figures are written; default: with separators. */
  readonly write?: (value: number) => string
}

/** Variables of the style sheet: each theme has its own shades. */
const BLUE = '--plot-blue'
const ORANGE = '--plot-orange'
const GREEN = '--plot-green'
const HEIGHT = 150
/** Space for the figures of the y axis, CSS pixels: `60.0 KB`. */
const AXIS_PX = 68

const milliseconds = (column: Column): Column =>
  column.map((value) => (value === null ? null : Math.round(value * 10_000) / 10))
/** Over all providers: for each interval the calls in the windows, or what the windows allow. */
const windows = (report: HistoryReport, pick: (provider: ProviderHistory, index: number) => number): Column =>
  report.at.map((_, index) => report.providers.reduce((total, provider) => total + pick(provider, index), 0))

const plots = (): readonly PlotSpec[] => [
  {
    title: t('plot.rate'),
    lines: [
      { label: t('plot.tunnels'), colour: BLUE, column: (report) => report.tunnelsPerSecond },
      { label: t('plot.waiting'), colour: ORANGE, column: (report) => report.waiting },
    ],
  },
  {
    title: t('plot.traffic'),
    write: octets,
    lines: [
      { label: t('plot.down'), colour: BLUE, column: (report) => report.bytesToClientsPerSecond },
      { label: t('plot.up'), colour: ORANGE, column: (report) => report.bytesFromClientsPerSecond },
    ],
  },
  {
    title: t('plot.connections'),
    lines: [
      { label: t('plot.open'), colour: GREEN, column: (report) => report.connections },
      { label: t('plot.refused'), colour: ORANGE, column: (report) => report.refusedPerSecond },
    ],
  },
  {
    title: t('plot.setup'),
    lines: [
      { label: 'p50', colour: GREEN, column: (report) => milliseconds(report.setupP50Seconds) },
      { label: 'p99', colour: ORANGE, column: (report) => milliseconds(report.setupP99Seconds) },
    ],
  },
  {
    title: t('plot.addresses'),
    lines: [
      { label: t('plot.bought'), colour: BLUE, column: (report) => report.bought },
      { label: t('plot.wasted'), colour: ORANGE, column: (report) => report.wasted },
    ],
  },
  {
    title: t('plot.calls'),
    lines: [
      {
        label: t('plot.callsMade'),
        colour: BLUE,
        column: (report) => windows(report, ({ windowUsed }, index) => windowUsed[index] ?? 0),
      },
      {
        label: t('plot.callsAllowed'),
        colour: ORANGE,
        column: (report) => windows(report, ({ windowCalls }) => windowCalls),
      },
    ],
  },
]

export function Plots() {
  // A single interval has no time axis.
  if (history.value === undefined || history.value.at.length < 2) return <p class="empty card">{t('plot.empty')}</p>
  // uPlot draws words and colours once: the plot is made again for each language and theme.
  return (
    <div class="plots">
      {plots().map((spec) => (
        <Plot key={`${spec.title} ${language.value} ${theme.value}`} spec={spec} />
      ))}
    </div>
  )
}

function Plot({ spec }: { readonly spec: PlotSpec }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const { write = count } = spec
    const style = getComputedStyle(document.documentElement)
    const axis = {
      stroke: style.getPropertyValue('--soft'),
      grid: { stroke: style.getPropertyValue('--line'), width: 1 },
    }
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        // Space for half of the last time label.
        padding: [8, 28, 0, 0],
        axes: [
          { ...axis, values: (_plot, instants) => instants.map((at) => timeOfDay(at * 1_000)), space: 90 },
          { ...axis, size: AXIS_PX, values: (_plot, values) => values.map(write) },
        ],
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high ?? 1) * 1.1] } },
        series: [
          { label: t('plot.time'), value: (_plot, at) => (at === null ? '–' : timeOfDay(at * 1_000)) },
          ...spec.lines.map(({ label, colour }) => ({
            label,
            stroke: style.getPropertyValue(colour),
            width: 1.5,
            value: (_plot: uPlot, value: number | null) => (value === null ? '–' : write(value)),
            points: { show: false, size: 4, filter: lonePoints },
          })),
        ],
        hooks: { setCursor: [showLatest] },
      },
      dataOf(spec, history.peek()),
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [])
  useSignalEffect(() => {
    plot.current?.setData(dataOf(spec, history.value))
    if (plot.current !== null) showLatest(plot.current)
  })
  return (
    <figure class="card" style={{ margin: 0 }}>
      <h3>{spec.title}</h3>
      <div ref={place} role="img" aria-label={spec.title} />
    </figure>
  )
}

/** A value between two intervals without values is not part of a line: it is drawn as a point. */
function lonePoints(plot: uPlot, series: number, isShown: boolean): number[] | null {
  if (isShown) return null
  const column = plot.data[series] ?? []
  return [...column.keys()].filter(
    (index) => column[index] != null && column[index - 1] == null && column[index + 1] == null,
  )
}

/** While no pointer is over the plot, the legend shows the latest interval. */
function showLatest(plot: uPlot): void {
  if (plot.cursor.idx == null && plot.data[0].length > 0) plot.setLegend({ idx: plot.data[0].length - 1 }, false)
}

function dataOf({ lines }: PlotSpec, report: HistoryReport | undefined): uPlot.AlignedData {
  if (report === undefined) return [[], ...lines.map(() => [])]
  return [[...report.at], ...lines.map(({ column }) => [...column(report)])]
}
