/** The process itself: health, where it listens, its configuration, and the check of an edited one. */
import { z } from 'zod'
import { count, decimal, flag, instant, list, named, orNull, seconds, text } from './fields.ts'

export const healthReport = named(
  'Health',
  'The process answers.',
  z.strictObject({ alive: flag('true'), upSeconds: count('Since the gateway began to listen here') }),
)

export const readiness = named(
  'Readiness',
  'Whether the gateway can serve clients.',
  z.strictObject({
    ready: flag('It listens, and a provider holds usable addresses or may be asked for some'),
    reasons: list(text('One sentence'), 'Why not; empty when ready'),
  }),
)

export const gatewayReport = named(
  'Gateway',
  'Where clients connect, for summaries and snippets.',
  z.strictObject({
    version: text('Version of Turnpike'),
    startedAt: instant('When it began to listen'),
    upSeconds: seconds('Since then'),
    pid: count('Process id'),
    file: orNull(text('Path of the configuration file')),
    mayChange: flag('A token exists, so that actions are possible'),
    readsNeedToken: flag('Reading needs the token too: the port can be reached from other machines'),
    listeners: list(
      z.strictObject({
        name: orNull(text('Name of the port in the configuration')),
        host: text('Address that it listens on'),
        port: count('Port'),
        isTls: flag('Clients speak TLS to it'),
        users: list(text('Name'), 'Users who may log in; empty: no login is demanded'),
        session: text('off, client or target: what makes a session when the client names none'),
        provider: orNull(text('Default provider of the port')),
      }),
      'Ports for clients, in the order of the configuration',
    ),
    directRules: count('Rules of routes that lead past all upstreams'),
  }),
)

export const configReport = named(
  'Configuration',
  'The configuration in force. Secrets are ***.',
  z.strictObject({
    file: orNull(text('Path of the file')),
    yaml: orNull(text('The file as it was read, without comments; null: there was no file')),
    effective: z
      .record(z.string(), z.unknown())
      .meta({ description: 'The whole configuration with its defaults; durations in ms, sizes in octets' }),
  }),
)

const MAX_TEXT = 1_048_576

export const checkOrder = named(
  'CheckOrder',
  'A configuration to be checked.',
  z.strictObject({ text: z.string().max(MAX_TEXT).meta({ description: 'YAML; a secret may be ***' }) }),
)

export const checkReport = named(
  'CheckReport',
  'What is wrong with a configuration.',
  z.strictObject({
    valid: flag('No problem was found'),
    problems: list(
      z.strictObject({
        path: text('Path in the file, as in pool.idleAfter; empty: the file as a whole'),
        message: text('What is wrong and what to write instead'),
        line: orNull(count('From 1')),
        column: orNull(count('From 1')),
      }),
      'In the order of the file',
    ),
  }),
)

export const reloadReport = named(
  'ReloadReport',
  'A configuration that was applied.',
  z.strictObject({
    changed: list(text('As in pool or providers.qg'), 'What of the configuration has changed'),
    needsRestart: list(text('As in state'), 'Of it: what only a restart takes up; the former value holds until then'),
  }),
)

export const tryOrder = named(
  'TryOrder',
  "A request through the gateway's own port.",
  z.strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'write a link that begins with http:// or https://' })
      .max(2_048)
      .meta({ description: 'http or https; it leaves through an upstream' }),
    method: z.enum(['GET', 'HEAD']).prefault('GET').meta({ description: 'Method', default: 'GET' }),
    listener: z.int().min(0).prefault(0).meta({ description: 'Which of `listeners`, from 0', default: 0 }),
    user: z
      .string()
      .max(256)
      .optional()
      .meta({ description: 'A configured user of the port; the gateway knows the password' }),
    options: z
      .string()
      .max(512)
      .regex(/^[!-9;-~]*$/, { error: 'write options as in session-a1-country-us' })
      .optional()
      .meta({ description: 'Options as they follow the user name: session-a1-country-us' }),
  }),
)

export const tryReply = named(
  'TryReply',
  'What a client would have seen.',
  z.strictObject({
    proxy: text('host:port of the port that was used'),
    status: orNull(count('Status of the answer; null: there was none')),
    isGatewayAnswer: flag('The answer is a refusal of the gateway, not of the target'),
    code: orNull(text('Code of the refusal, see docs/errors.md')),
    error: orNull(text('What went wrong, in words')),
    upstream: orNull(text('Id of the upstream, where the gateway states it')),
    seconds: decimal('Duration of the whole'),
    setupSeconds: orNull(decimal('Until the tunnel was open, for https')),
    headers: list(z.tuple([z.string(), z.string()]), 'Header fields of the answer'),
    body: text('Start of the body as text, at most 64 KiB'),
    bodyBytes: count('Octets of the body that were read'),
    isCut: flag('The body is longer than that'),
  }),
)

export const pacQuery = z.strictObject({
  listen: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Number or name of a port for clients; default: the first one that the browser can reach' }),
})

export const problemReport = named(
  'Problem',
  'A failure, as RFC 9457 describes it.',
  z.strictObject({
    title: text('Reason phrase of the status'),
    status: count('HTTP status'),
    code: text('Permanent code'),
    detail: text('What happened and what to do'),
  }),
)

export type Readiness = Readonly<z.infer<typeof readiness>>
export type GatewayReport = Readonly<z.infer<typeof gatewayReport>>
export type ConfigReport = Readonly<z.infer<typeof configReport>>
export type CheckReport = Readonly<z.infer<typeof checkReport>>
export type TryOrder = Readonly<z.output<typeof tryOrder>>
export type ReloadReport = Readonly<z.infer<typeof reloadReport>>
export type TryReply = Readonly<z.infer<typeof tryReply>>
