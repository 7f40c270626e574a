/** The option `--config`, which every command that reads a configuration has. */
import type { Command } from 'commander'
import { translate } from '../messages/translate.ts'

export const DEFAULT_CONFIG = './gateway.yaml'

export interface ConfigOption {
  readonly config: string
}

export function withConfig(command: Command): Command {
  return command.option('-c, --config <file>', translate('configuration file'), DEFAULT_CONFIG)
}
