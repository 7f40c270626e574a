/** The dashboard's files, as the build left them in dist/web: read once, served from memory. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'

interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** Where the build puts the page: the same folder for the sources and for the built package. */
export const PAGE_FOLDER = new URL('../../dist/web/', import.meta.url)

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Only the page's own files and the API of the same origin; no frame may hold it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const SECURITY = {
  'Content-Security-Policy': POLICY,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const

const NOT_BUILT = `<!doctype html>
<meta charset="utf-8"><title>Turnpike</title>
<p>The dashboard is not built. Run <code>npm run build</code> in the repository and reload this page.</p>
<p>仪表盘尚未构建。请在仓库里运行 <code>npm run build</code>，然后刷新本页。</p>
`

/**
 * Every file of the page by its path, `/` for the page itself. Names below `/assets/` hold a digest of their content, so a
 * browser may keep them.
 * @param folder of the build; when it is missing, `/` says how to build the page
 */
export function readPage(folder: URL): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  for (const name of namesIn(folder)) {
    const type = types[extname(name)]
    if (type === undefined) continue
    const isAsset = name.startsWith('assets/')
    const headers = {
      ...SECURITY,
      'Content-Type': type,
      'Cache-Control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache',
    }
    files.set(name === 'index.html' ? '/' : `/${name}`, { body: contentOf(new URL(name, folder)), headers })
  }
  if (!files.has('/')) {
    const headers = { ...SECURITY, 'Content-Type': types['.html'] as string, 'Cache-Control': 'no-cache' }
    files.set('/', { body: new TextEncoder().encode(NOT_BUILT), headers })
  }
  return files
}

function namesIn(folder: URL): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  } catch {
    return []
  }
}

function contentOf(file: URL): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(file))
}
