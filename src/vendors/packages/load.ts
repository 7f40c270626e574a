/**
 * Vendors from outside this repository: `vendor: npm:turnpike-vendor-acme`, or the path of a file. A package's code has all rights of
 * this process, so it is loaded only for a configuration file in use, never for a text that is merely checked.
 */
import { createRequire, registerHooks } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { moduleBeside } from '../../node/module-beside.ts'
import type { Vendor } from '../contract/vendor.ts'
import { membersOf } from '../parse/reply.ts'

/** What a package imports: this installation's own modules, so that errors and secrets have the same classes on both sides. */
const CONTRACT = 'turnpike/vendor'

/** Whether `vendor:` names a package or file: `npm:NAME`, `./FILE`, `../FILE` or an absolute path. */
export function isPackage(name: string): boolean {
  return /^(?:npm:.|\.{1,2}\/.)/.test(name) || isAbsolute(name)
}

let hasHooks = false

/** Resolves a package's import of the contract to the file beside this one, wherever the package is installed. */
function leadToContract(): void {
  if (hasHooks) return
  hasHooks = true
  const url = moduleBeside('../../vendor', import.meta.url).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === CONTRACT ? { url, shortCircuit: true } : next(specifier, context),
  })
}

/**
 * Loads the code of a vendor.
 * @param name the value of `vendor:`
 * @param folder of the configuration file: the base of paths and packages
 * @returns the vendor, or why it cannot be loaded
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

/** The members of a vendor's table that the engine requires; the contract's types define the rest. */
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
