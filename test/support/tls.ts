import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'
import { ConnectionLost } from './socket-io.ts'

/**
 * The certificate and key of every TLS server in the tests. Self-signed and its own authority: hand `testCertificate` to a
 * client as `ca` and it verifies. The key is public on purpose and protects nothing.
 *
 * Names: upstream.test, *.upstream.test, site.test, secure.test, localhost, 127.0.0.1 to 127.0.0.20, ::1. Valid until 2120.
 */
export const testCertificate = `-----BEGIN CERTIFICATE-----
MIICVzCCAf2gAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA11cHN0cmVh
bS50ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA11cHN0cmVhbS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMvRb
ugVbUK3HCRRTXGEUu9V/2w0qOrIJ/O4CNdGodRtcYvd/BqDtKiz2YG2ClKEjl2HB
7/6b3mzu7+iXsR22UqOCATQwggEwMIHYBgNVHREEgdAwgc2CDXVwc3RyZWFtLnRl
c3SCDyoudXBzdHJlYW0udGVzdIIJc2l0ZS50ZXN0ggtzZWN1cmUudGVzdIIJbG9j
YWxob3N0hxAAAAAAAAAAAAAAAAAAAAABhwR/AAABhwR/AAAChwR/AAADhwR/AAAE
hwR/AAAFhwR/AAAGhwR/AAAHhwR/AAAIhwR/AAAJhwR/AAAKhwR/AAALhwR/AAAM
hwR/AAANhwR/AAAOhwR/AAAPhwR/AAAQhwR/AAARhwR/AAAShwR/AAAThwR/AAAU
MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgKEMBMGA1UdJQQMMAoGCCsG
AQUFBwMBMB0GA1UdDgQWBBSYe3uQgk3s4kQUG7t6mUp6QPT6HTAKBggqhkjOPQQD
AgNIADBFAiBwVAhkP9W5B4z2Vcd0YoVo6VZLpFgpYB9mlBupDmpI3QIhAIKiQbGU
VHxHb05gknz1810e22ahAK4HuOwAbl743PO1
-----END CERTIFICATE-----
`

const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQga3WOdrrAZU60azoa
4LHIiaNW3S9cZZck7CtN9NExwOShRANCAAQy9Fu6BVtQrccJFFNcYRS71X/bDSo6
sgn87gI10ah1G1xi938GoO0qLPZgbYKUoSOXYcHv/pvebO7v6JexHbZS
-----END PRIVATE KEY-----
`

let serverContext = contextOf({})

function contextOf(options: SecureContextOptions) {
  return createSecureContext({ key: testKey, cert: testCertificate, ...options })
}

/** From now on all TLS servers of the tests have other ticket keys: they resume no session from before, but each other's. */
export function renewTlsServers(options: SecureContextOptions = {}): void {
  serverContext = contextOf(options)
}

/** The server's side of TLS on an accepted socket. @throws {ConnectionLost} TLS when the handshake fails */
export async function startTls(raw: Socket): Promise<TLSSocket> {
  const socket = new TLSSocket(raw, {
    isServer: true,
    secureContext: serverContext,
    ALPNProtocols: ['http/1.1'],
  })
  socket.on('error', () => {})
  const leave = () => socket.destroy()
  socket.on('end', leave) // a client that leaves in the middle of the handshake; afterwards an end is half-close
  sides.set(raw, { raw, top: socket })
  sides.set(socket, { raw, top: socket })
  await new Promise((resolve, reject) => {
    socket.once('secure', resolve)
    socket.once('close', () => reject(new ConnectionLost('TLS', 'the TLS handshake failed')))
  })
  socket.off('end', leave)
  return socket
}

/** The two sockets of a TLS connection, found by either. */
const sides = new WeakMap<Duplex, { raw: Socket; top: Socket }>()

/**
 * RST to the peer, under TLS too (where only the TCP socket can). While a FIN is on its way Node refuses a reset with EINVAL
 * and then never closes the handle (seen in 24.21), so this waits for that moment to pass.
 */
export function reset(socket: Duplex): void {
  const { raw, top } = sides.get(socket) ?? { raw: socket, top: socket }
  if (!(raw instanceof Socket) || raw.destroyed) return
  const isEnding = top.writableEnded && !top.writableFinished && top.writableLength === 0
  if (isEnding) top.once('finish', () => reset(raw))
  else raw.resetAndDestroy()
}
