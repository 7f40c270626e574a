/** The processes of a gateway with several workers. */
import { readFileSync } from 'node:fs'
import type { KillableGateway } from './killable-gateway.ts'

/** The control process and the workers, in the order of their start. */
export function processesOf({ process }: KillableGateway): { control: number; workers: number[] } {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
  const isWorker = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-main')
  return { control: children.find((pid) => !isWorker(pid)) ?? 0, workers: children.filter(isWorker) }
}
