/** Reads the replies of qg.net's current API. */
import { given } from '../../given.ts'
import type { ProxyRecord } from '../contract/delivery.ts'
import type { Params, RawReply } from '../contract/operation.ts'
import type { Delivered } from '../contract/vendor.ts'
import { parseEndpoint } from '../parse/address.ts'
import { deliverEach, lifeUntil } from '../parse/items.ts'
import { parseJson } from '../parse/json.ts'
import { malformed, membersOf, refusal, ruleOf, shapeOf, textOf } from '../parse/reply.ts'
import { ECHO, LEGACY, operations } from './calls.ts'
import { elsewhere } from './errors.ts'
import { decodeLegacy } from './legacy-replies.ts'

export function decode(operation: string, reply: RawReply, sent: Params): unknown {
  if (operation === ECHO) return reply.text.trim()
  if (operation.startsWith(LEGACY)) return decodeLegacy(reply.text, operations[operation], sent)
  const { code, data, message, request_id: requestId } = membersOf(parseJson(reply.text)) ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', reply.text)
  if (said === 'SUCCESS') return data
  const rule = ruleOf(said, operations[operation]?.errors, elsewhere)
  const support = textOf(requestId) === undefined ? '' : ` (request_id ${textOf(requestId)})`
  throw refusal(rule, said, `${textOf(message) ?? rule?.term ?? said}${support}`)
}

export function deliver(data: unknown): Delivered {
  return deliverEach(itemsOf(data), (listed) => readItem(listed as Listed))
}

interface Listed {
  readonly item: unknown
  readonly task: string | undefined
}

/** The products wrap their items differently: `[item]`, `{task_id, ips: [item]}`, `{tasks: {id: {ips: [item]}}}`; `null` is empty. */
function itemsOf(data: unknown, task?: string): Listed[] {
  if (data === null || data === undefined) return []
  if (Array.isArray(data)) return data.map((item: unknown) => ({ item, task }))
  const { ips, task_id: id, tasks } = membersOf(data) ?? {}
  if (ips !== undefined) return Array.isArray(ips) ? itemsOf(ips, textOf(id) ?? task) : []
  const batches = membersOf(tasks)
  if (batches === undefined) throw malformed('the reply has no list of addresses')
  return Object.entries(batches).flatMap(([name, batch]) => {
    const { ips: members } = membersOf(batch) ?? {}
    return Array.isArray(members) ? itemsOf(members, name) : []
  })
}

/** Connects to `server`; `proxy_ip` is the exit address. @returns the address, or why it cannot be used */
function readItem({ item, task }: Listed): ProxyRecord | string {
  const {
    server: connect,
    proxy_ip: seen,
    area: place,
    isp: line,
    deadline: end,
    task_id: batch,
  } = membersOf(item) ?? {}
  const [server, exit, where, carrier, deadline, id] = [connect, seen, place, line, end, batch].map(textOf)
  const endpoint = server === undefined ? undefined : parseEndpoint(server)
  if (endpoint === undefined) return `an item whose server is no address: ${shapeOf(server ?? '')}`
  return {
    protocol: 'http',
    ...endpoint,
    life: lifeUntil(deadline),
    ...given({ exit: exit === endpoint.host ? undefined : exit, area: where, isp: carrier, ref: id ?? task }),
  }
}
