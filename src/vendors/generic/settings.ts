/**
 * Keys of a generic provider's entry: the table that other vendors have in code. The keys of the call that sells addresses are at
 * the top; other calls of the vendor are under `operations` and `login`.
 */
import { z } from 'zod'
import { duration, integer, secret } from '../../config/fields.ts'
import { collectable } from '../../structures/collectable.ts'
import { giveBackSetting } from '../contract/settings.ts'
import { callKeys, limit } from './call-settings.ts'
import { figure, listKeys, moment, path, replyKeys, whitelistKeys, zone } from './reply-settings.ts'

const MAX_PER_CALL = 10_000
const DAY_MS = 86_400_000

/** A call besides the one at the top: keys about the reply that it does not have are taken from the top. */
const operationKeys = () => {
  const { format, success, errors } = replyKeys()
  return {
    ...callKeys(),
    format: format.optional(),
    success,
    errors,
    limit: limit().prefault({}).meta({ description: 'How often it may be made.' }),
  }
}

const call = (about: string) => z.strictObject(operationKeys()).optional().meta({ description: about })

const operations = () =>
  z.strictObject({
    release: call('Gives an address back before its end: {ref}, {host}, {port}.'),
    whitelistAdd: call('Adds an address of this machine to the whitelist: {ip}, or {ips} for the whole list.'),
    whitelistRemove: call('Removes an address of this machine from the whitelist: {ip}, {id}, or {ips} for the rest.'),
    whitelistSave: call('Makes changes of the whitelist take effect; called after each of them.'),
    whitelistList: z
      .strictObject({
        ...operationKeys(),
        ...whitelistKeys(),
        pages: pages().meta({ description: 'Pages of the list.' }),
      })
      .optional()
      .meta({ description: 'Lists the whitelist, for calls that need {ips} or {id}.' }),
    whitelistEcho: z
      .strictObject({ ...operationKeys(), value: path().optional().meta({ description: 'Where the reply tells it.' }) })
      .optional()
      .meta({ description: 'Asks under which address the vendor sees us.' }),
    balance: z
      .strictObject({
        ...operationKeys(),
        value: path().optional().meta({ description: 'Where the reply tells it; a text is the figure itself.' }),
        every: duration({ min: 1_000, max: DAY_MS })
          .prefault('10m')
          .meta({ description: 'While clients come: how often it is asked.' }),
      })
      .optional()
      .meta({ description: 'What is left on the account, for lowStock.' }),
    query: z
      .strictObject({ ...operationKeys(), ...optional(listKeys()) })
      .optional()
      .meta({ description: 'Lists what the account holds now, after a restart.' }),
  })

/** Keys of a list that are taken from the top when they are left out. */
function optional({ items, only, balance, separator, fieldSeparator, fields }: ReturnType<typeof listKeys>) {
  return {
    items,
    only,
    balance,
    separator: separator.removeDefault().optional().meta({ description: 'Between items of a text.' }),
    fieldSeparator: fieldSeparator.removeDefault().optional().meta({ description: 'Between columns.' }),
    fields: fields.unwrap().optional().meta({ description: 'Where each fact stands in an item.' }),
  }
}

const pages = () =>
  z
    .strictObject({
      first: integer(0, 1).default(1).meta({ description: 'Number of the first page: {page}.' }),
      next: path().optional().meta({
        description: 'Where a reply tells what the next page is called: {cursor}. Nothing there: it was the last one.',
      }),
    })
    .prefault({})

const login = () =>
  z.strictObject({
    ...operationKeys(),
    token: path('headers').optional().meta({
      description:
        'Where the reply holds the token; a text is the token itself. $header.NAME is a header field, $cookie.NAME a cookie.',
    }),
    life: duration({ min: 1_000 }).optional().meta({ description: 'How long a token is good, where no reply tells.' }),
    ttl: figure('headers').optional().meta({ description: 'Where the reply tells how long it is good.' }),
    deadline: moment('headers').optional().meta({ description: 'Where the reply tells until when it is good.' }),
    renewBefore: duration({ min: 0, max: DAY_MS }).optional().meta({
      description: 'How long before its end a new one is fetched. Default: a tenth of its life, at most 5m.',
    }),
  })

/** Three hundred schemas, which take 3 MB. */
export const settings = collectable(() => ({
  ...callKeys(),
  ...replyKeys(),
  ...listKeys(),
  credentials: z
    .record(
      z.string().regex(/^[A-Za-z_]\w{0,63}$/, { error: 'write letters, digits and _' }),
      secret({ maxBytes: 8_192 }),
    )
    .default({})
    .meta({
      description: 'Keys of the account under names of your own: each is filled in where its name stands in braces.',
    }),
  zone: zone().default('+08:00').meta({ description: 'Zone of {date} and {datetime}.' }),
  limit: limit().prefault({}).meta({ description: 'How often the vendor may be called.' }),
  maxPerCall: integer(1, MAX_PER_CALL)
    .optional()
    .meta({ description: 'Most addresses of one call. Default: 10 where {num} is used, else 1.' }),
  owned: z.boolean().default(false).meta({
    description:
      'The reply lists what the account rents already: nothing is bought, all of it is used, and it is read again while clients come. {page} asks for page after page.',
  }),
  pages: pages().meta({ description: 'Pages of an owned list.' }),
  login: login().optional().meta({ description: 'A call that brings a token: {token} in all others.' }),
  operations: operations().prefault({}).meta({ description: 'Other calls of the vendor.' }),
  ...giveBackSetting,
}))

const schema = collectable(() => z.object(settings()))

/** A provider's own keys, as parsed by the configuration. */
export type GenericOwn = z.infer<ReturnType<typeof schema>>
export type OperationName = keyof GenericOwn['operations']
export type LoginSettings = NonNullable<GenericOwn['login']>

/** Parses the keys as written in a file. @throws zod's error */
export function parseOwn(written: unknown): GenericOwn {
  return schema().parse(written)
}
