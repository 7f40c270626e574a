/** The monopolised lines of a simulated qg.net key: dialled after a while, dialled anew, dropped. By the page on /monopolies. */
import { chinaTime, type Supply } from './simulated-api.ts'

interface Line {
  supply: Supply
  /** Clock ms from which it is online. */
  onlineAt: number
  readonly since: number
  isRedialling: boolean
}

export class QgLines {
  readonly #lines = new Map<string, Line>()
  #count = 0

  get size(): number {
    return this.#lines.size
  }

  get uuids(): readonly string[] {
    return [...this.#lines.keys()]
  }

  /** @returns the name of the new line */
  add(supply: Supply, dialMs: number, now: number): string {
    this.#count += 1
    const uuid = `hn_sqdx2-1:ppp${this.#count}`
    this.#lines.set(uuid, { supply, onlineAt: now + dialMs, since: now, isRedialling: false })
    return uuid
  }

  /** The line goes down and comes up under another address. */
  redial(uuid: string, supply: Supply, dialMs: number, now: number): void {
    const line = this.#lines.get(uuid)
    if (line === undefined) throw new Error(`there is no line ${uuid}`)
    Object.assign(line, { supply, onlineAt: now + dialMs, isRedialling: true })
  }

  drop(uuid: string): void {
    this.#lines.delete(uuid)
  }

  /** As monopoly/get of the current API tells a line: no address. */
  ordered(uuid: string, now: number, wall: number): object {
    const { onlineAt } = this.#lines.get(uuid) ?? { onlineAt: now }
    const state = `等待中(${Math.ceil((onlineAt - now) / 1_000)})`
    return { uuid, area: '河南省商丘市', isp: '电信', state, monopolize_time: chinaTime(wall) }
  }

  /** As /monopolies tells them. @param wanted some of them; undefined for all */
  listed(wanted: readonly string[] | undefined, now: number, wall: number): object[] {
    const chosen = [...this.#lines].filter(([uuid]) => wanted === undefined || wanted.includes(uuid))
    return chosen.map(([uuid, line]) => {
      const common = { uuid, area: '福建省泉州市', isp: '电信', monopolize_time: chinaTime(wall - (now - line.since)) }
      const left = Math.ceil((line.onlineAt - now) / 1_000)
      if (left > 0) return { ...common, state: line.isRedialling ? '重拨中' : `排队中(等待秒数${left})` }
      const { host, port } = line.supply
      const times = { last_dial_time: chinaTime(wall), heartbeat: chinaTime(wall) }
      return { ...common, ...times, state: '在线', ip: `${host}:${port}` }
    })
  }
}
