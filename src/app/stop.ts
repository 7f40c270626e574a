/** The end of a gateway: no new client, then open tunnels run out, then addresses go back to the vendors. */

import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import type { DataPlane } from '../proxy/data-plane.ts'
import type { Supply } from '../supply/supply.ts'
import type { ClientSide } from './client-side.ts'
import type { Reload } from './reload.ts'

/** Clients that have connected but said nothing so far are not waited for longer, ms. */
const MUTE_MS = 300
/** Nor requests that are still without an upstream; those who connect meanwhile wait in the system's queue. */
const SETTLE_MS = 5_000
const SETTLE_POLL_MS = 5
const DRAIN_POLL_MS = 50
/** Where providers give back what they hold when the gateway stops (`giveBack.onStop`), ms. */
const LONGEST_GIVE_BACK_MS = 5_000

interface StopParts {
  readonly data: DataPlane
  readonly clients: ClientSide
  readonly supply: Supply
  readonly clock: Clock
  readonly reload: Reload
  readonly inherited: InheritedSockets | undefined
}

/** @returns how the gateway stops: the first call begins the end, a later one may only shorten it */
export function stopOnce(
  { data, clients, supply, clock, reload, inherited }: StopParts,
  closeAll: () => Promise<void>,
): (reason?: string) => Promise<void> {
  let isTakenOver = false
  let drainsUntil = Number.POSITIVE_INFINITY
  let draining: Promise<void> | undefined
  const drainAll = async () => {
    // systemd keeps the ports: a process that it starts next serves the clients that connect meanwhile.
    if (inherited !== undefined) await closeGently(data, clock)
    await drain(clients, clock, () => drainsUntil)
    try {
      if (!isTakenOver) {
        supply.recordUses()
        await giveBack(supply, clock)
      }
    } finally {
      await closeAll()
    }
  }
  return (reason) => {
    const { stop } = reload.config
    isTakenOver ||= reason === 'takeover'
    drainsUntil = Math.min(drainsUntil, clock.now() + (reason === 'takeover' ? stop.takeover : stop.drain))
    draining ??= drainAll()
    return draining
  }
}

/**
 * For a port that another process goes on with: accepts no client, and resolves when those who have connected have their tunnel
 * or answer. None of them is refused, but for what takes too long.
 */
export async function closeGently(data: DataPlane, clock: Clock): Promise<void> {
  data.closePorts()
  const startedAt = clock.now()
  while (data.settingUp > 0 && clock.now() < startedAt + SETTLE_MS) {
    if (clock.now() > startedAt + MUTE_MS) data.closeMute()
    await clock.sleep(SETTLE_POLL_MS)
  }
  data.closeMute()
}

const MOVED = new GatewayError('GW_STOPPING', 'another process of the gateway has taken over: connect again')

/** The same; then nothing is lent any more, so that what has been lent is known. Requests that still wait are refused. */
export async function closeForSuccessor(data: DataPlane, clock: Clock): Promise<void> {
  await closeGently(data, clock)
  data.leaseQueue.stopLending(MOVED)
}

/** @param until clock ms; may become earlier */
async function drain(clients: ClientSide, clock: Clock, until: () => number): Promise<void> {
  clients.stopAccepting()
  while (clients.isBusy && clock.now() < until()) await clock.sleep(Math.min(DRAIN_POLL_MS, until() - clock.now()))
}

async function giveBack(supply: Supply, clock: Clock): Promise<void> {
  const tooLong = new AbortController()
  const timer = clock.after(LONGEST_GIVE_BACK_MS, () => tooLong.abort(new Error('the gateway is stopping')))
  try {
    await supply.giveBack(tooLong.signal)
  } finally {
    timer.clear()
  }
}
