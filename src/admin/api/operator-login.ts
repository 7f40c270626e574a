/** The login of the operator: the token of the admin port. Wrong ones are answered slowly, as at the ports for clients. */
import type { Clock, Timer } from '../../clock.ts'
import { LoginThrottle } from '../../downstream/login-throttle.ts'
import type { Log } from '../../log/log.ts'
import { isSameText, type Secret } from '../../secret.ts'

/** To the throttle all operators are one user: those who have sent the right token are checked whatever others send. */
const OPERATOR = 'operator'
const SWEEP_MS = 60_000

export class OperatorLogin {
  /** Wrong tokens since the gateway began. */
  failures = 0
  #token: Secret | undefined
  readonly #clock: Clock
  readonly #throttle: LoginThrottle
  #sweep: Timer | undefined

  /** @param token undefined: nothing can be changed through this port */
  constructor(token: Secret | undefined, clock: Clock, log: Log) {
    this.#token = token
    this.#clock = clock
    this.#throttle = new LoginThrottle(clock, (client, failures) =>
      log.warn({ client, failures }, 'admin requests with a wrong token'),
    )
  }

  get isPossible(): boolean {
    return this.#token !== undefined
  }

  useToken(token: Secret): void {
    this.#token = token
  }

  /**
   * Whether this is the token. A wrong one is answered after a delay.
   * @throws the signal's reason
   */
  async admits(given: string, clientAddress: string, signal: AbortSignal): Promise<boolean> {
    const isChecked = this.#throttle.blockedMs(clientAddress, OPERATOR) === 0
    if (isChecked && this.#token !== undefined && isSameText(given, this.#token.reveal())) {
      this.#throttle.succeeded(clientAddress, OPERATOR)
      return true
    }
    this.failures++
    this.#sweep ??= this.#clock.after(SWEEP_MS, () => {
      this.#sweep = undefined
      this.#throttle.sweep()
    })
    await this.#clock.sleep(this.#throttle.failed(clientAddress, isChecked), signal)
    return false
  }

  close(): void {
    this.#sweep?.clear()
  }
}
