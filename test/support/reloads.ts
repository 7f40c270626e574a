/** A gateway of a file that a test writes anew while it runs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { ReloadReport } from '../../src/app/reload.ts'
import { type Gateway, type GatewayOptions, startGateway } from './gateway.ts'

type Part = { [key: string]: unknown }

export interface ReloadableGateway extends Gateway {
  readonly file: string
  /** Changes the file: first keys of the configuration, or a function of all of it. */
  write(change: Part | ((config: Part) => Part)): void
  /** The same, and a reload. */
  change(change: Part | ((config: Part) => Part)): Promise<ReloadReport>
}

export async function startReloadable(options: GatewayOptions = {}): Promise<ReloadableGateway> {
  const gateway = await startGateway(options)
  const file = join(gateway.folder, 'gateway.yaml')
  let config = parse(gateway.text) as Part
  const write = (change: Part | ((config: Part) => Part)) => {
    config = typeof change === 'function' ? change(config) : { ...config, ...change }
    writeFileSync(file, stringify(config))
  }
  return {
    ...gateway,
    file,
    write,
    change: (change) => {
      write(change)
      return gateway.app.reload('test')
    },
  }
}
