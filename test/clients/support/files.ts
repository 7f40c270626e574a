import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { testCertificate } from '../../support/tls.ts'

/** A folder that goes when the test has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-files-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A file with the authority that vouches for `secure.test`. */
export function caFile(): string {
  const file = join(temporaryFolder(), 'ca.pem')
  writeFileSync(file, testCertificate)
  return file
}
