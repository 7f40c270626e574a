/** The processes of a gateway with several workers. */
import { readFileSync } from 'node:fs'
import type { KillableGateway } from './killable-gateway.ts'

function childrenOf(pid = 0): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** The first process of a gateway that was started with `--takeover`: the child of the launcher. */
export const launchedBy = ({ process }: KillableGateway): number => childrenOf(process.pid)[0] ?? 0

/** The control process and the workers, in the order of their start. @param supervisor the first process */
export function processesOf(
  { process }: KillableGateway,
  supervisor = process.pid,
): { control: number; workers: number[] } {
  const children = childrenOf(supervisor)
  const isWorker = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-main')
  return { control: children.find((pid) => !isWorker(pid)) ?? 0, workers: children.filter(isWorker) }
}
