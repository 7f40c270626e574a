/** The process of one worker. Arguments: its number, and the place of the control process's socket. */
import { SystemClock } from '../clock.ts'
import { stackOf } from '../internal-errors.ts'
import { SocketsOfWorker } from './passing.ts'
import { Worker } from './worker.ts'

const [, , number = '0', place = ''] = process.argv
const FAILED = 1

// Its end is the control process's to decide: a terminal sends Ctrl-C to all processes in front of it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

process.on('uncaughtException', (error) => {
  process.stderr.write(`worker ${number}: unexpected error, stopping: ${stackOf(error)}\n`)
  process.exit(FAILED)
})

// The timers of the clock do not keep a process alive, and while there is no control process no socket does.
const alive = setInterval(() => {}, 2 ** 30)
const worker = new Worker({
  clock: new SystemClock(),
  worker: Number(number),
  place,
  opening: 'shared',
  sockets: new SocketsOfWorker(process, Number(number)),
  onEnd: () => {
    clearInterval(alive)
    process.exit()
  },
})
// The supervisor has been killed: nothing starts another control process, and what this one says comes no more.
process.on('disconnect', () => {
  if (!worker.isConnected) process.exit()
  isOrphaned = true
})
let isOrphaned = false
setInterval(() => {
  if (isOrphaned && !worker.isConnected) process.exit()
}, 100).unref()
worker.open()
