/** Scripts for Debian's Python, which has Debian's modules. */
import { run } from './program.ts'

const PYTHON = '/usr/bin/python3'
/** The packages that the modules are in. */
const PACKAGES: Readonly<Record<string, string>> = {
  aiohttp: 'python3-aiohttp',
  httpx: 'python3-httpx',
  requests: 'python3-requests',
  scrapy: 'python3-scrapy',
  socks: 'python3-socks',
}

/**
 * Runs a script that is given its arguments as `args` and prints one JSON value.
 * @throws {Error} naming the Debian package when a module is missing, else with the traceback
 */
export async function python(script: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
  const prologue = `import json, sys\nargs = json.loads(sys.argv[1])\n`
  const { code, out, err } = await run(PYTHON, ['-c', prologue + script, JSON.stringify(args)])
  // requests does not say ModuleNotFoundError when PySocks is missing.
  const missing =
    /No module named '(\w+)'/.exec(err)?.[1] ?? (err.includes('Missing dependencies for SOCKS') ? 'socks' : '')
  if (PACKAGES[missing]) throw new Error(`${missing} is missing: install the Debian package ${PACKAGES[missing]}`)
  if (code !== 0) throw new Error(`python3 ended with ${code}: ${err}`)
  return JSON.parse(out)
}
