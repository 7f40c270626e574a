/** The `Date` field of answers (RFC 9110 section 6.6.1): in whole seconds, so the text is made once a second. */
import { type Clock, httpTime } from '../clock.ts'

export class DateField {
  readonly #clock: Pick<Clock, 'wall'>
  #second = Number.NaN
  #line = ''

  constructor(clock: Pick<Clock, 'wall'>) {
    this.#clock = clock
  }

  /** The field line for an answer that is sent now, with its CRLF. */
  get line(): string {
    const second = Math.floor(this.#clock.wall() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#line = `Date: ${httpTime(second * 1_000)}\r\n`
    }
    return this.#line
  }
}
