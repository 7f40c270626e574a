/** `webhook:` in gateway.yaml. */
import { z } from 'zod'
import { duration, secretUrl } from './fields.ts'

/**
 * `json`: Turnpike's own format. The others are text messages for incoming webhooks of chat services: `slack` (also Mattermost),
 * `feishu`, and `dingtalk` and `wecom`, which share one format.
 */
const formats = ['json', 'slack', 'feishu', 'dingtalk', 'wecom'] as const
export type WebhookFormat = (typeof formats)[number]

export const webhook = () =>
  z.union([
    z.literal('off'),
    z.strictObject({
      url: secretUrl().meta({ description: 'Receives a POST for new warnings. A secret.' }),
      format: z.enum(formats).default('json').meta({
        description: 'Body of the POST: Turnpike’s own JSON, or a text message of a chat service.',
      }),
      language: z
        .enum(['en', 'zh'])
        .optional()
        .meta({ description: 'Language of the sentences. Default: that of the process (LC_ALL, LC_MESSAGES, LANG).' }),
      timeout: duration({ min: 1 }).prefault('5s').meta({ description: 'Time-out of one POST.' }),
      allowPrivate: z
        .boolean()
        .default(false)
        .meta({ description: 'Permit loopback and private addresses in the URL.' }),
    }),
  ])
