/** A gateway that buys from a simulated vendor, whose addresses are upstreams of the gateway's world. */
import { expect } from 'vitest'
import { SystemClock } from '../../../src/clock.ts'
import { type Gateway, type GatewayOptions, startGateway } from '../gateway.ts'
import type { World } from '../world.ts'
import type { SimulatedApi, Supply } from './simulated-api.ts'

/** Sells these upstreams in turn. @param upstreams read at each sale: the world may start after its vendor */
export function sellerOf(upstreams: () => readonly Supply[]): () => Supply {
  let sold = 0
  return () => {
    const all = upstreams()
    const { host, port } = all[sold++ % all.length] ?? { host: '', port: 0 }
    return { host, port }
  }
}

/**
 * The vendor is a referee too: a call that its document forbids fails the test.
 * @param open makes the vendor: `sell` is its stock, from the upstreams of the world
 * @param optionsFor the gateway; without other options 4 upstreams that want no login
 */
export async function startBuying<Api extends SimulatedApi>(
  open: (clock: SystemClock, sell: () => Supply, upstreams: () => World['upstreams']) => Api,
  optionsFor: (api: Api) => GatewayOptions,
): Promise<Gateway & { readonly api: Api }> {
  const clock = new SystemClock()
  let world: World | undefined
  const upstreams = () => world?.upstreams ?? []
  const api = await open(clock, sellerOf(upstreams), upstreams).start()
  const gateway = await startGateway({
    upstreams: 4,
    login: false,
    closing: async () => {
      await api.close()
      clock.close()
      expect(api.violations).toEqual([])
    },
    ...optionsFor(api),
  })
  world = gateway.world
  return { api, ...gateway }
}
