/**
 * Logins of upstreams are sealed before they leave the host: AES-256-GCM under a key from `cluster.secret`. A reader of Redis
 * without the secret learns no login and cannot put an address of their own into the pool.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import type { Secret } from '../secret.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

export class Seal {
  readonly #key: Buffer
  readonly #digestKey: Buffer

  /** @param name of the cluster: another cluster with the same secret has other keys */
  constructor(secret: Secret, name: string) {
    const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret.reveal(), name, `turnpike ${use}`, 32))
    this.#key = derive('seal')
    this.#digestKey = derive('digest')
  }

  /** @param place what the text belongs to: it opens nowhere else */
  seal(text: string, place: string): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** @returns undefined for what was not sealed with this secret, or for another place */
  open(sealed: string, place: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64')
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES))
    decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    try {
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  /** A name in place of what a client chose: it holds users and whatever they wrote. */
  digest(text: string): string {
    return createHmac('sha256', this.#digestKey).update(text).digest('base64url').slice(0, 27)
  }
}
