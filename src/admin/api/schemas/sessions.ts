/** `POST /v1/sessions/{key}/rotate`. */
import { z } from 'zod'
import { list, named, text } from './fields.ts'

export const rotateReply = named(
  'RotateReply',
  'The next connection of these sessions gets another upstream. Open tunnels are not touched.',
  z.strictObject({
    rotated: list(
      z.strictObject({ key: text('The session'), leaves: text('Id of the upstream that it leaves') }),
      'Sessions that will move',
    ),
  }),
)

export type RotateReply = Readonly<z.infer<typeof rotateReply>>
