/** Where a gateway gets its ports from: systemd, a running gateway that it takes over, or by opening them itself. */

import { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log.ts'
import { translate } from '../messages/translate.ts'
import { InheritedSockets } from '../network/inherited-sockets.ts'
import { activatedSockets } from '../network/socket-activation.ts'
import { placesOf } from '../settings.ts'
import type { Predecessor } from '../takeover/client.ts'
import { CHANNEL_VARIABLE, LIFELINE, type LifelineWord } from '../takeover/launch.ts'
import { takeoverPlace } from '../takeover/place.ts'
import { isManaged, notifyReady } from './service-manager.ts'
import { CommandError } from './words.ts'

/** What existed before this process. */
interface Inheritance {
  readonly inherited: InheritedSockets | undefined
  /** The running gateway that is taken over. */
  readonly predecessor: Predecessor | undefined
}

export interface Takeover {
  /**
   * For `--takeover`: starts the process that takes over, and ends when that process ends.
   * @returns its exit code; undefined: this process becomes the gateway
   */
  launch(config: Config, clock: Clock): Promise<number | undefined>
  /**
   * @param onOrphaned called when the process that started this one has ended
   * @throws {CommandError} when the inherited sockets do not fit the configuration, or the running gateway refuses
   */
  inherit(config: Config, onOrphaned: () => void): Promise<Inheritance>
  /** The gateway serves: notifies the process that started it. @param mainPid the process for the service manager to watch */
  serves(log: Log, mainPid: number): Promise<void>
}

/**
 * @param process the process object
 * @param load loads the modules of a gateway beforehand: clients wait from the moment it has the ports
 */
export function takeoverOf(process: NodeJS.Process, load: () => Promise<unknown>): Takeover {
  const { env } = process
  const channel = env[CHANNEL_VARIABLE]
  // Removed, so that child processes do not inherit them.
  delete env[CHANNEL_VARIABLE]
  const lifeline = channel === undefined ? undefined : new Socket({ fd: LIFELINE }).unref().on('error', () => {})
  const tellLauncher = (word: LifelineWord) => void lifeline?.write(`${word}\n`)
  return {
    launch: async (config, clock) => {
      if (channel !== undefined) return undefined
      const { launchSuccessor } = await import('../takeover/launch.ts')
      return launchSuccessor(placeOf(config), { environment: env, process, clock, endsEarly: isManaged(env) })
    },
    inherit: async (config, onOrphaned) => {
      if (channel === undefined) return { inherited: activated(config, process), predecessor: undefined }
      // systemd keeps the gateway when the launcher ends.
      if (!isManaged(env)) lifeline?.resume().once('close', onOrphaned)
      const [{ takeOverFrom }] = await Promise.all([import('../takeover/client.ts'), load()])
      const taken = await takeOverFrom(placeOf(config), channel, process, () => tellLauncher('released'))
      taken.inherited.closeUnwanted(placesOf(config))
      return taken
    },
    serves: async (log, mainPid) => {
      await notifyReady(mainPid, env, log)
      tellLauncher('serves')
    },
  }
}

const placeOf = ({ state }: Config) => takeoverPlace(state === 'off' ? undefined : state.path)

/** The sockets from systemd must equal the ports of the configuration, or the start fails: a difference would go unnoticed. */
function activated(config: Config, { env, pid }: NodeJS.Process): InheritedSockets | undefined {
  const sockets = activatedSockets(env, pid)
  if (sockets.length === 0) return undefined
  const inherited = new InheritedSockets(sockets)
  const [unwanted] = inherited.closeUnwanted(placesOf(config))
  if (unwanted === undefined) return inherited
  inherited.close()
  throw new CommandError(
    translate(
      'systemd listens at {address}, where the configuration has no port: make ListenStream= and listen (or admin) equal',
      { address: unwanted },
    ),
  )
}
