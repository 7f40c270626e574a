/** Help texts: examples, and the words that the package commander brings, in the language of the process. */
import type { Command, HelpConfiguration } from 'commander'
import { currentLanguage } from '../messages/language.ts'
import { type KnownText, translate } from '../messages/translate.ts'

const INDENT = '  '

/** @param rows commands, each with what it is for */
export function examples(rows: readonly (readonly [command: string, purpose: KnownText])[]): string {
  const width = Math.max(...rows.map(([command]) => command.length))
  const lines = rows.map(([command, purpose]) => `${INDENT}${command.padEnd(width)}${INDENT}${translate(purpose)}`)
  return ['', translate('Examples:'), ...lines].join('\n')
}

const TITLES = ['Usage:', 'Arguments:', 'Options:', 'Commands:'] as const

/** The titles of the sections of a help text, and the facts after an option. */
export function styledHelp(): HelpConfiguration {
  return {
    helpWidth: 120,
    styleTitle: (title) => {
      const known = TITLES.find((each) => each === title)
      return known === undefined ? title : translate(known)
    },
    optionDescription: ({ description, argChoices, defaultValue }) => {
      const facts = [
        ...(argChoices === undefined ? [] : [translate('one of {choices}', { choices: argChoices.join(', ') })]),
        ...(defaultValue === undefined || defaultValue === false
          ? []
          : [translate('default: {value}', { value: String(defaultValue) })]),
      ]
      return facts.length === 0 ? description : `${description} (${facts.join('; ')})`
    },
  }
}

/** Messages of commander 15 (lib/command.js), as forms of which each group is a parameter of ours. */
const ERRORS: readonly (readonly [form: RegExp, sentence: KnownText])[] = [
  [/^error: unknown option '(?<name>.+)'/, 'there is no option {name}.'],
  [/^error: unknown command '(?<name>.+)'/, 'there is no command {name}.'],
  [/^error: missing required argument '(?<name>.+)'/, 'the argument {name} is missing.'],
  [/^error: option '(?<name>.+)' argument missing/, 'the option {name} needs a value.'],
  [
    /^error: too many arguments.*Expected (?<expected>\d+) arguments? but got (?<given>\d+)/,
    'too many arguments: {given} instead of {expected}.',
  ],
  [/^error: option '(?<name>.+)' cannot be used with option '(?<other>.+)'/, '{name} and {other} exclude each other.'],
  [/^error: option '(?<name>[^']+)' argument '/, 'the value of {name} is not valid. {why}'],
]
const MEANT = /\(Did you mean (?<names>[^?()]+)\?\)/

/** A mistake on the command line: says what is wrong, and shows no value, which may be a secret. */
export function commanderError(text: string): string {
  for (const [form, sentence] of ERRORS) {
    const found = form.exec(text)
    if (found === null) continue
    const meant = MEANT.exec(text)?.groups?.['names']?.replace(/^one of /, '')
    const words = [
      translate(sentence, { ...withoutSecrets(found.groups), why: reasonIn(text) }),
      ...(meant === undefined ? [] : [translate('Did you mean {names}?', { names: meant })]),
    ]
    return `turnpike: ${words.join(currentLanguage() === 'zh' ? '' : ' ')}\n`
  }
  return text
}

/** A link or a key that was pasted in the place of a command is no name. */
function withoutSecrets(groups: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const { name = '' } = groups
  return /^[\w-]{1,40}(?:[ ,<>\w-]{1,40})?$/.test(name) ? groups : { ...groups, name: '***' }
}

/** What a reader of values adds to commander's own message. */
function reasonIn(text: string): string {
  const words = ' is invalid. '
  const at = text.lastIndexOf(words)
  const reason = at < 0 ? '' : text.slice(at + words.length).trim()
  const names = /^Allowed choices are (.+)\.$/.exec(reason)?.[1]
  return names === undefined ? reason : translate('It is one of {names}.', { names })
}

/** `turnpike help COMMAND`. Commander's own prints the help of everything for a command that does not exist. */
export function addHelp(program: Command): void {
  program
    .command('help')
    .description(translate('print the help of a command'))
    .argument('[command...]')
    .action(async (names: readonly string[]) => {
      let command = program
      for (const name of names) {
        if (command.commands.length === 0) break
        const next = command.commands.find((one) => one.name() === name)
        // Commander says that there is no such command, and which one may be meant.
        if (next === undefined) return void (await command.parseAsync([name], { from: 'user' }))
        command = next
      }
      command.outputHelp()
    })
}
