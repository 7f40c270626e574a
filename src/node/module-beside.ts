/**
 * The URL of a module that is not imported but started: TypeScript in the sources, JavaScript in the package. `tsc` renames the files
 * in imports, but not those in URLs.
 * @param name relative to `base`, without ending
 * @param base `import.meta.url` of the caller
 */
export function moduleBeside(name: string, base: string): URL {
  return new URL(`${name}${base.endsWith('.js') ? '.js' : '.ts'}`, base)
}
