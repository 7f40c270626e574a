import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what systems give out by themselves (Linux: from 32768), so that no other socket takes the port meanwhile. */
const FIRST = 20_000
const LAST = 32_000

/** A port of 127.0.0.1 that nothing listens on at this moment: for what must know its port before it listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
