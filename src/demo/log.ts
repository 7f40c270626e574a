/** The part of a pino logger that the demo vendor uses. */
export interface DemoLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
}
