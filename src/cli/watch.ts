/** `turnpike status --watch`: shows the state of a running gateway live. It waits while the gateway is unreachable. */

import { sentenceOf } from '../app/failure-sentence.ts'
import type { Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadAdmin } from '../config/load-admin.ts'
import { translate } from '../messages/translate.ts'
import { type AdminToken, adminPlace, adminToken } from './admin-client.ts'
import { exitCodes } from './exit-codes.ts'
import { followReports, LiveReports } from './live-reports.ts'
import type { SignalSource } from './signals.ts'
import { noAdminPort, type StatusOptions } from './status.ts'
import { renderFrame } from './watch-view.ts'

export interface WatchDeps {
  readonly clock: Clock
  readonly environment: Environment
  readonly process: SignalSource
  readonly isTerminal: boolean
  /** Current size of the terminal, in characters. */
  readonly terminalSize: () => { readonly columns: number; readonly rows: number }
  readonly out: (text: string) => void
}

const RETRY_MS = 2_000
/** Without a terminal a frame is a few lines of a file. */
const PLAIN_EVERY_MS = 10_000

/**
 * Shows the gateway of a configuration until SIGINT or SIGTERM.
 * @returns the exit code
 * @throws {ConfigError} when the file has mistakes; {CommandError} when it has no admin port
 */
export async function watchStatus({ config: file }: StatusOptions, deps: WatchDeps): Promise<number> {
  const { clock, environment, isTerminal, process } = deps
  const config = loadAdmin(file, environment)
  const { admin } = config
  if (admin === 'off') throw new CommandError(noAdminPort(file))
  const place = adminPlace(admin)
  const reports = new LiveReports()
  const ended = new AbortController()
  const end = () => ended.abort()
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  const { signal } = ended
  const view = isTerminal && environment['TERM'] !== 'dumb' ? new TerminalView(deps) : new PlainView(deps)
  let trouble: string | undefined = translate('connecting')
  const draw = () => view.draw((screen) => renderFrame(reports, { place, trouble, now: clock.now() }, screen))
  const onChange = () => {
    trouble = undefined
    // The first events arrive in quick succession.
    if (reports.counters === undefined) return
    draw()
  }
  try {
    draw()
    while (!signal.aborted) {
      const token = tokenNow(file, environment) ?? adminToken(config)
      const failure = await followReports(place, reports, { token, clock, signal, onChange }).catch(
        (error: unknown) => error,
      )
      trouble = sentenceOf(failure)
      if (!signal.aborted) draw()
      await clock.sleep(RETRY_MS, signal).catch(() => {})
    }
    return exitCodes.ok
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    view.close()
  }
}

/** A restarted gateway may have a new token. Undefined: the file has a mistake at the moment, and the gateway goes on without it. */
function tokenNow(file: string, environment: Environment): AdminToken {
  try {
    return adminToken(loadAdmin(file, environment))
  } catch {
    return undefined
  }
}

type Render = (screen: Parameters<typeof renderFrame>[2]) => readonly string[]

interface View {
  draw(render: Render): void
  close(): void
}

/** Control sequences of ECMA-48 and xterm. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_TO_END_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/** Draws over the previous frame on the alternate screen; the last frame stays in the scrollback. */
class TerminalView implements View {
  readonly #deps: WatchDeps
  #last: readonly string[] = []

  constructor(deps: WatchDeps) {
    this.#deps = deps
    deps.out(ENTER)
  }

  draw(render: Render): void {
    const { terminalSize, environment, out } = this.#deps
    const { columns, rows } = terminalSize()
    const isColoured = !environment['NO_COLOR']
    const hint = translate('Ctrl-C ends')
    // No line feed after the last row: it would scroll.
    const lines = [...render({ columns, rows: rows - 2, isColoured })]
    this.#last = lines
    const shown = rows > 4 ? [...lines, '', hint.slice(0, columns)] : lines
    out(`${HOME}${shown.map((line) => `${line}${CLEAR_TO_END_OF_LINE}`).join('\n')}${CLEAR_BELOW}`)
  }

  close(): void {
    this.#deps.out(`${LEAVE}${this.#last.map((line) => `${line}\n`).join('')}`)
  }
}

/** Writes a frame from time to time, without control sequences. */
class PlainView implements View {
  readonly #deps: WatchDeps
  #drawnAt = Number.NEGATIVE_INFINITY
  #first = ''

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  /** Written at once: the gateway became unreachable or reachable, or the verdict changed, and not only a figure in it. */
  draw(render: Render): void {
    const { clock, out } = this.#deps
    const lines = render({ columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY, isColoured: false })
    const head = lines.slice(0, 2).join('\n').replaceAll(/\d+/g, '')
    if (head === this.#first && clock.now() < this.#drawnAt + PLAIN_EVERY_MS) return
    this.#first = head
    this.#drawnAt = clock.now()
    out(`${lines.join('\n')}\n\n`)
  }

  close(): void {}
}
