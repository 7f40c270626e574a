/** Many reloads while clients open tunnels: what breaks is counted. */
import { setImmediate } from 'node:timers/promises'
import { connectVia } from './client.ts'
import type { ReloadableGateway } from './reloads.ts'
import { expectEcho } from './socket-io.ts'

export interface ReloadLoad {
  readonly opened: number
  /** Statuses other than 200, and connections that failed. */
  readonly failed: readonly string[]
  /** Open tunnels that did not echo. */
  readonly broken: number
}

/** Each reload changes times, limits, strategy, weight and the users of the port; `clients` open tunnels one after another. */
export async function reloadUnderLoad(
  gateway: ReloadableGateway,
  { reloads, clients }: { readonly reloads: number; readonly clients: number },
): Promise<ReloadLoad> {
  const failed: string[] = []
  const held = await Promise.all(Array.from({ length: 5 }, () => connectVia(gateway.port, 'echo.test:7')))
  let opened = 0
  let isOver = false
  const client = async () => {
    while (!isOver) {
      try {
        const tunnel = await connectVia(gateway.port, 'echo.test:7')
        opened++
        if (tunnel.status !== 200) failed.push(String(tunnel.status))
        tunnel.socket.destroy()
      } catch (error) {
        failed.push((error as Error).message)
      }
    }
  }
  const running = Promise.all(Array.from({ length: clients }, client))
  for (let n = 0; n < reloads; n++) {
    await gateway.change((config) => ({
      ...config,
      ...{
        dial: { timeout: `${4_000 + (n % 3)}ms` },
        relay: { idle: `${60 + (n % 5)}s` },
        wait: { timeout: `${4 + (n % 2)}s` },
      },
      ...{ limits: { connections: 500 + (n % 7) }, rotation: { strategy: n % 2 === 0 ? 'random' : 'round-robin' } },
      providers: (config['providers'] as object[]).map((provider) => ({ ...provider, weight: 1 + (n % 9) })),
    }))
    // A reload hardly waits for anything: the clients need their turn between two of them.
    const before = opened + failed.length
    while (opened + failed.length < before + 2) await setImmediate()
  }
  isOver = true
  await running
  const echoes = await Promise.allSettled(held.map((tunnel, n) => expectEcho(tunnel, `held ${n}`)))
  return { opened, failed, broken: echoes.filter(({ status }) => status === 'rejected').length }
}
