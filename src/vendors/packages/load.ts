/**
 * Vendors that are not in this repository: `vendor: npm:turnpike-vendor-acme`, or the path of a file. A package's code runs with all
 * rights of this process, so only a configuration file that is loaded names one, never a text that is merely checked.
 */
import { createRequire, registerHooks } from 'node:module'
import { extname, isAbsolute, join, resolve } from 'node:path'
import type { Vendor } from '../contract/vendor.ts'
import { membersOf } from '../parse/reply.ts'

/** What a package imports: this installation's own, so that errors and secrets are of one class on both sides. */
const CONTRACT = 'turnpike/vendor'

/** Whether `vendor:` names code of its own: `npm:NAME`, `./FILE`, `../FILE` or an absolute path. */
export function isPackage(name: string): boolean {
  return /^(?:npm:.|\.{1,2}\/.)/.test(name) || isAbsolute(name)
}

let hasHooks = false

/** Leads the one import of a package to the contract beside this file, wherever the package is installed. */
function leadToContract(): void {
  if (hasHooks) return
  hasHooks = true
  const url = new URL(`../../vendor${extname(import.meta.filename)}`, import.meta.url).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === CONTRACT ? { url, shortCircuit: true } : next(specifier, context),
  })
}

/**
 * Loads the code of a vendor.
 * @param name as it stands under `vendor:`
 * @param folder of the configuration file: paths and packages are looked up from there
 * @returns the vendor, or in words why there is none
 */
export function loadPackage(name: string, folder: string): Vendor | string {
  leadToContract()
  const isFile = !name.startsWith('npm:')
  try {
    const require = createRequire(join(folder, 'gateway.yaml'))
    const exported = membersOf(require(isFile ? resolve(folder, name) : name.slice('npm:'.length)))
    const vendor: unknown = exported?.['default'] ?? exported?.['vendor']
    const missing = missingParts(vendor)
    if (missing.length === 0) return vendor as Vendor
    return `exports no vendor, neither as default nor as vendor: it lacks ${missing.join(', ')}`
  } catch (error) {
    return `cannot be loaded: ${wordsOf(error, isFile)}`
  }
}

/** What of a vendor's table the engine could not do without; the types of the contract tell the rest. */
function missingParts(exported: unknown): string[] {
  const vendor = membersOf(exported) ?? {}
  const operations = membersOf(vendor['operations']) ?? {}
  const products = membersOf(vendor['products']) ?? {}
  const isShape = typeof membersOf(vendor['credentials'])?.['safeParse'] === 'function'
  const parts: readonly (readonly [string, boolean])[] = [
    ['name', typeof vendor['name'] === 'string' && vendor['name'] !== ''],
    ['baseUrl', typeof vendor['baseUrl'] === 'string' && URL.canParse(vendor['baseUrl'])],
    ['credentials (a zod shape)', isShape],
    ['operations', Object.keys(operations).length > 0],
    ['products', Object.keys(products).length > 0],
    ['authorize', typeof vendor['authorize'] === 'function'],
    ['decode', typeof vendor['decode'] === 'function'],
    ...Object.entries(products).map(([name, product]): [string, boolean] => {
      const extract = membersOf(product)?.['extract']
      return [`the operation that products.${name}.extract names`, Object.hasOwn(operations, String(extract))]
    }),
  ]
  return parts.flatMap(([part, isThere]) => (isThere ? [] : [part]))
}

function wordsOf(error: unknown, isFile: boolean): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')
    return isFile
      ? 'this file, or one that it imports, is not there'
      : 'it is not installed beside the configuration file (npm install)'
  if (code === 'ERR_REQUIRE_ASYNC_MODULE') return 'it awaits something at its top level'
  return String(message ?? error).split('\n')[0] ?? ''
}
