import type { Socket } from 'node:net'
import { splice } from './splice.ts'
import { reset } from './tls.ts'
import type { FakeUpstream, Visit } from './upstream.ts'

/** Tells the client that the tunnel is open and joins both sides until the end, or as the behaviour wants it. */
export async function openTunnel(upstream: FakeUpstream, visit: Visit, target: Socket, success: Buffer): Promise<void> {
  const { behaviour } = visit.reply
  const abandon = () => target.destroy()
  visit.socket.once('close', abandon)
  upstream.tunnelsOpened++ // before the client can know, so that no test reads the old figure
  upstream.tunnelsOpen++
  try {
    await visit.reply.write(behaviour.kind === 'early' ? Buffer.concat([success, behaviour.bytes]) : success)
    visit.socket.off('close', abandon)
    await run(visit, target)
  } finally {
    upstream.tunnelsOpen--
  }
}

async function run(visit: Visit, target: Socket): Promise<void> {
  const { behaviour } = visit.reply
  const early = visit.reader.release()
  if (early.length > 0) target.write(early)
  if (behaviour.kind === 'half-close') visit.socket.end()
  if (behaviour.kind !== 'reset-in-tunnel') return splice(visit.socket, target)
  const check = resetAfter(visit, target, behaviour.bytes)
  check(early.length)
  await splice(visit.socket, target, { onBytes: check })
}

/** Resets both sides once `limit` bytes have passed. The last ones are written before the reset, not lost to it. */
function resetAfter(visit: Visit, target: Socket, limit: number): (count: number) => void {
  let passed = 0
  return (count) => {
    const before = passed
    passed += count
    if (passed < limit || (before >= limit && before > 0)) return
    setImmediate(() => {
      visit.reset()
      reset(target)
    })
  }
}
