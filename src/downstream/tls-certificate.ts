/**
 * The certificate of a port where clients speak TLS. Its files are checked every few seconds: when they have changed, new
 * connections get the new pair, and open ones keep theirs. An invalid pair changes nothing.
 *
 * Polled, not watched: certificates are replaced by renaming, by changing a link, or one file after the other.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { SecureContext, TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import { versionOf } from '../file-version.ts'
import type { PortObserver } from './client-port.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  /** The certificate, followed by its intermediate certificates. */
  readonly cert: string
  readonly key: string
}

type TlsObserver = Pick<PortObserver, 'certificateChanged' | 'certificateRefused'>

const LOOK_EVERY_MS = 5_000

export class TlsCertificate {
  readonly #files: TlsFiles
  readonly #clock: Clock
  readonly #observer: TlsObserver
  #context: SecureContext
  #seen: string
  #timer: { clear(): void } | undefined

  /** @throws when the pair is invalid; `tlsProblem` explains it */
  constructor(files: TlsFiles, clock: Clock, observer: TlsObserver) {
    this.#files = files
    this.#clock = clock
    this.#observer = observer
    this.#seen = versionOf([files.cert, files.key])
    this.#context = readPair(files)
    this.#schedule()
  }

  isOf({ cert, key }: TlsFiles): boolean {
    return cert === this.#files.cert && key === this.#files.key
  }

  /** The server's side of TLS on an accepted socket. A failure of TLS destroys it, in the handshake or later. */
  secure(socket: Socket): TLSSocket {
    const { TLSSocket } = process.getBuiltinModule('node:tls')
    const options = { isServer: true, secureContext: this.#context, ALPNProtocols: ['http/1.1'] }
    const secured = new TLSSocket(socket, options)
    // Without a `tls.Server` a record that is invalid, or a fourth renegotiation, has this event alone (seen with Node 24.21).
    return secured.on('_tlsError', (error: Error) => secured.destroy(error))
  }

  #schedule(): void {
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => {
      this.#schedule()
      this.#look()
    })
  }

  #look(): void {
    const version = versionOf([this.#files.cert, this.#files.key])
    if (version === this.#seen) return
    this.#seen = version
    try {
      this.#context = readPair(this.#files)
    } catch (error) {
      return void this.#observer.certificateRefused(this.#files.cert, tlsProblem(error))
    }
    this.#observer.certificateChanged(this.#files.cert)
  }

  close(): void {
    this.#timer?.clear()
  }
}

/** @throws the system's error, or that of OpenSSL */
function readPair({ cert, key }: TlsFiles): SecureContext {
  // Loaded here: most gateways have no port with TLS, and save 1 MB.
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  return createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) })
}

/** Why a pair is invalid. @returns undefined for a valid one */
export function problemOfPair(files: TlsFiles): string | undefined {
  try {
    readPair(files)
    return undefined
  } catch (error) {
    return tlsProblem(error)
  }
}

/** The message quotes neither file. */
function tlsProblem(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'the key does not belong to the certificate'
  if (code === 'ENOENT') return 'one of the two files is missing'
  if (code.startsWith('ERR_OSSL_')) return `they are not a certificate and its key without a password, in PEM (${code})`
  return `they cannot be read (${code})`
}
