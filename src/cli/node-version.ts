/** Imports nothing: it must run on Node versions that cannot run the rest. */

const OLDEST_MAJOR = 24

/** @returns the message for the user, or undefined when this Node is supported */
export function nodeProblem(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return undefined
  return `Turnpike needs Node ${OLDEST_MAJOR} or newer, and this is ${version}: install a newer one (https://nodejs.org), or start it with npm, which brings its own.`
}
