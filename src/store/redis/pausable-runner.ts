import { StoreError } from '../errors.ts'
import type { Script, ScriptRunner } from './script.ts'

/** A runner that can be paused: nothing is sent then, as if the server did not answer. */
export class PausableRunner implements ScriptRunner {
  readonly #runner: ScriptRunner
  isPaused = false

  constructor(runner: ScriptRunner) {
    this.#runner = runner
  }

  async run(script: Script, ask: object): Promise<unknown> {
    if (this.isPaused) throw new StoreError('closed', 'another process has taken over')
    return this.#runner.run(script, ask)
  }
}
