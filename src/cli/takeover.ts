/** Where a gateway gets its ports from: systemd, a running gateway that it takes over, or by opening them itself. */

import { Socket } from 'node:net'
import { placesOf } from '../app/settings.ts'
import type { Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { translate } from '../messages/translate.ts'
import { InheritedSockets } from '../network/inherited-sockets.ts'
import { activatedSockets } from '../network/socket-activation.ts'
import type { Predecessor, TakeoverStart } from '../takeover/client.ts'
import { CHANNEL_VARIABLE, LIFELINE } from '../takeover/launch.ts'
import { takeoverPlace } from '../takeover/place.ts'
import { isManaged, notifyReady } from './service-manager.ts'

/** What existed before this process. */
interface Inheritance {
  readonly inherited: InheritedSockets | undefined
  /** The running gateway that is taken over. */
  readonly predecessor: Predecessor | undefined
}

export interface Takeover {
  /** Undefined: this process was not started to take over. */
  readonly started: TakeoverStart | undefined
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
 * @param ofControl of a control process, which has it from its supervisor
 */
export function takeoverOf(
  process: NodeJS.Process,
  load: () => Promise<unknown>,
  ofControl: TakeoverStart | undefined,
): Takeover {
  const { env } = process
  const started = ofControl ?? byLauncher(process)
  return {
    started,
    launch: async (config, clock) => {
      if (started !== undefined) return undefined
      const { launchSuccessor } = await import('../takeover/launch.ts')
      return launchSuccessor(placeOf(config), { environment: env, process, clock, endsEarly: isManaged(env) })
    },
    inherit: async (config, onOrphaned) => {
      if (started === undefined) return { inherited: activated(config, process), predecessor: undefined }
      started.onOrphaned(onOrphaned)
      const [{ takeOverFrom }] = await Promise.all([import('../takeover/client.ts'), load()])
      const taken = await takeOverFrom(placeOf(config), started)
      taken.inherited.closeUnwanted(placesOf(config))
      if (config.workers === 1 || !config.listen.some((place) => taken.inherited.isAlone(place))) return taken
      taken.predecessor.close()
      taken.inherited.close()
      throw new CommandError(translate(ALONE))
    },
    serves: async (log, mainPid) => {
      await notifyReady(mainPid, env, log)
      started?.report('serves')
    },
  }
}

const ALONE =
  'the running gateway has one worker, and its ports cannot be shared: stop it and start the new one, or write workers: 1'

/** @returns undefined when no launcher has started this process */
function byLauncher(process: NodeJS.Process): TakeoverStart | undefined {
  const { env } = process
  const channel = env[CHANNEL_VARIABLE]
  // Removed, so that child processes do not inherit it.
  delete env[CHANNEL_VARIABLE]
  if (channel === undefined) return undefined
  const lifeline = new Socket({ fd: LIFELINE }).unref().on('error', () => {})
  return {
    ...{ channel, sockets: process },
    report: (stage) => void lifeline.write(`${stage}\n`),
    onOrphaned: (listener) => {
      // systemd keeps the gateway when the launcher ends.
      if (!isManaged(env)) lifeline.resume().once('close', listener)
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
