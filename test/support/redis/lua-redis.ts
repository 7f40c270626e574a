/**
 * A Redis server for one process: the scripts run as they are (lua-to-js.ts), on the commands that they use (keyspace.ts). Its
 * time is the test's. The same suites run on a real server in `npm run test:clients`.
 */
import type { Script, ScriptRunner } from '../../../src/store/redis/script.ts'
import { copyOf, type Keyspace, runCommand } from './keyspace.ts'
import { LuaTable, toJs, toLua } from './lua-runtime.ts'
import { compileLua } from './lua-to-js.ts'

const PREFIX = 'turnpike:{test}'
const compiled = new Map<string, ReturnType<typeof compileLua>>()

export class LuaRedis implements ScriptRunner {
  readonly #now: () => number
  readonly #globals: Readonly<Record<string, unknown>>
  #data: Keyspace = new Map()
  #replicationId = 1

  constructor(now: () => number) {
    this.#now = now
    const functions = (named: Readonly<Record<string, (...args: unknown[]) => unknown>>) => {
      const table = new LuaTable()
      for (const [name, fn] of Object.entries(named)) table.fields.set(name, (...args: unknown[]) => [fn(...args)])
      return table
    }
    this.#globals = {
      redis: functions({ call: (...args) => toLua(this.command(...args.map(String))) }),
      cjson: functions({
        decode: (text) => toLua(JSON.parse(String(text))),
        encode: (value) => JSON.stringify(toJs(value)),
      }),
    }
  }

  async run(script: Script, ask: object): Promise<unknown> {
    return this.runNow(script, ask)
  }

  runNow({ name, lua }: Script, ask: object): unknown {
    const program = compiled.get(name) ?? compileLua(lua)
    compiled.set(name, program)
    const [keys, args] = [toLua([PREFIX]), toLua([JSON.stringify(ask)])]
    return JSON.parse(String(program({ ...this.#globals, KEYS: keys, ARGV: args })))
  }

  /** One command, as a client would send it. */
  command(...args: string[]): unknown {
    const [name] = args
    if (name === 'TIME') return [String(Math.floor(this.#now() / 1_000)), String((this.#now() % 1_000) * 1_000)]
    if (name === 'INFO') return `role:master\r\nmaster_replid:${this.#replicationId.toString(16).padStart(40, '0')}\r\n`
    return runCommand(this.#data, args, this.#now())
  }

  /** What a replica would hold that has caught up. */
  snapshot(): Keyspace {
    return copyOf(this.#data)
  }

  /** Another server takes over, with what it holds. */
  becomeMaster(data: Keyspace): void {
    this.#data = copyOf(data)
    this.#replicationId++
  }

  /** The cluster has been running for long: no call of an earlier server can count. */
  settleIn(): void {
    const id = this.#replicationId.toString(16).padStart(40, '0')
    this.command('HSET', `${PREFIX}:server`, 'replid', id, 'since', '-1000000000000')
  }

  /** Gives a token the lease, for ever. */
  lead(token: string): void {
    this.command('HSET', `${PREFIX}:lead`, 'token', token)
  }
}
