/** Exit codes of every command: see `turnpike --help`. */
export const exitCodes = { ok: 0, failed: 1, configuration: 2 } as const
