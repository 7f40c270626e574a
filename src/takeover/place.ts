/** The Unix socket on which a running gateway accepts takeovers, in the folder of its state. */

import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { translate } from '../messages/translate.ts'

/** `sun_path` with its closing zero: 108 octets on Linux, 104 on macOS. */
const MAX_PATH = 103

/** @throws {CommandError} when a takeover is not possible */
export function takeoverPlace(stateDir: string | undefined): string {
  if (process.platform === 'win32')
    throw new CommandError(
      translate('Windows cannot hand listening ports to another process: stop the gateway, then start it'),
    )
  if (stateDir === undefined)
    throw new CommandError(translate('with state: off there is nothing to take over: use state.path'))
  const place = join(stateDir, 'turnpike.sock')
  if (Buffer.byteLength(place) > MAX_PATH)
    throw new CommandError(
      translate('a takeover needs a shorter state.path: {place} is longer than {limit} octets', {
        place,
        limit: MAX_PATH,
      }),
    )
  return place
}
