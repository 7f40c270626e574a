import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { leakGuard } from '../../support/leaks.ts'
import { neverReads } from '../../support/tcp.ts'

const cleanUp: (() => unknown)[] = []

afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo()
})

describe('leakGuard', () => {
  it('is content when all is closed, even a moment later', async () => {
    const guard = leakGuard()
    const server = await neverReads().listen()
    const socket = connect(server.port)
    setTimeout(async () => {
      socket.destroy()
      await server.close()
    }, 30)
    expect(guard.differences()).not.toEqual([])
    await guard.check()
    expect(guard.differences()).toEqual([])
  })

  it('names a socket and a server that stay, and where they were made', async () => {
    const guard = leakGuard()
    const server = await neverReads().listen()
    cleanUp.push(() => server.close())
    const socket = connect(server.port)
    cleanUp.push(() => socket.destroy())
    // The server accepts in its own time.
    await expect.poll(() => guard.differences().join('\n')).toMatch(/socket made by server made at /)
    await expect(guard.check(50)).rejects.toThrow(/TCPServerWrap \(active\): \d+ before, \d+ now/)
    expect(guard.differences().join('\n')).toMatch(/socket made at .*leaks\.test\.ts/)
  })

  it('sees a timer that does not keep the process alive', async () => {
    const guard = leakGuard()
    const timer = setInterval(() => {}, 60_000).unref()
    cleanUp.push(() => clearInterval(timer))
    await expect(guard.check(50)).rejects.toThrow(/^left behind:\n {2}timer made at .*leaks\.test\.ts/)
  })

  it('sees a listener of the process', async () => {
    const guard = leakGuard()
    const onSignal = () => {}
    process.on('SIGUSR2', onSignal)
    cleanUp.push(() => process.off('SIGUSR2', onSignal))
    await expect(guard.check(50)).rejects.toThrow(/SIGUSR2 \(listeners of process\): 0 before, 1 now/)
  })
})
