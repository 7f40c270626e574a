import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { readPage } from '../../../src/admin/page.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-page-'))
const url = pathToFileURL(`${folder}/`)
afterEach(() => rmSync(join(folder), { recursive: true, force: true }))

const textOf = (path: string) => Buffer.from(readPage(url).get(path)?.body ?? []).toString()

describe('readPage', () => {
  it('serves the page at /, and its assets for ever', () => {
    mkdirSync(join(folder, 'assets'), { recursive: true })
    writeFileSync(join(folder, 'index.html'), '<p>page</p>')
    writeFileSync(join(folder, 'assets/index-1.js'), 'x')
    writeFileSync(join(folder, 'assets/secret.env'), 'x')
    const files = readPage(url)
    expect([...files.keys()].toSorted()).toEqual(['/', '/assets/index-1.js'])
    expect(textOf('/')).toBe('<p>page</p>')
    expect(files.get('/')?.headers).toMatchObject({ 'Cache-Control': 'no-cache' })
    expect(files.get('/assets/index-1.js')?.headers).toMatchObject({
      'Content-Type': 'text/javascript; charset=utf-8',
      'Cache-Control': 'public, max-age=31536000, immutable',
    })
  })

  it('allows the page nothing but its own origin', () => {
    const policy = readPage(url).get('/')?.headers['Content-Security-Policy'] ?? ''
    expect(policy).toMatch(/^default-src 'none'; /)
    expect(policy).not.toMatch(/unsafe|\*|http/)
    expect(policy).toContain("frame-ancestors 'none'")
  })

  it('says how to build the page when it is not built', () => {
    expect(textOf('/')).toContain('npm run build')
  })
})
