/** The schema of `request:`: the parameters of an extraction that a user may set, from the vendor's table. */
import { z } from 'zod'
import type { Param, ParamValue } from '../vendors/contract/operation.ts'
import { integer, refuse, text } from './fields.ts'

export function requestSchema(
  params: Readonly<Record<string, Param>>,
): z.ZodType<Readonly<Record<string, ParamValue | undefined>>> {
  const open = Object.entries(params).filter(([, param]) => param.managed === undefined)
  const shape = Object.fromEntries(
    open.map(([name, param]) => {
      const field = paramField(param).meta({ description: `${param.about} (${param.term})` })
      return [name, param.required ? field : field.optional()]
    }),
  )
  const schema = z.strictObject(shape)
  return open.some(([, param]) => param.required) ? schema : schema.prefault({})
}

function paramField(param: Param): z.ZodType<ParamValue> {
  const { type, values, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = param
  if (type === 'csv') return commaSeparated(values)
  if (values !== undefined) return oneOf(values)
  if (type === 'boolean') return z.boolean()
  return type === 'integer' ? integer(min, max) : textOf(min, max)
}

/** One of the documented values; `1` and `"1"` are equal for a vendor that reads a query string. */
function oneOf(values: readonly (string | number)[]): z.ZodType<ParamValue> {
  return z
    .unknown()
    .transform((raw, ctx) => {
      const value = values.find((known) => typeof raw !== 'object' && String(known) === String(raw))
      if (value !== undefined) return value
      return refuse(ctx, `write one of ${values.join(', ')}`)
    })
    .meta({ enum: [...values] })
}

/** A plain number (an area code, an order number) is text for a vendor; a longer number would have lost digits already. */
const asText = (raw: unknown): unknown => (Number.isSafeInteger(raw) ? String(raw) : raw)
const scalar = { type: ['string', 'integer'] }

function textOf(min: number, max: number): z.ZodType<ParamValue> {
  const fits = (value: string) => value.length >= min && value.length <= max
  return z
    .preprocess(asText, text().refine(fits, { error: () => `must be ${Math.max(min, 1)} to ${max} characters long` }))
    .meta(scalar)
}

/** A value that the vendor takes separated by commas: written the same way, or as a list. */
function commaSeparated(values: readonly (string | number)[] | undefined): z.ZodType<ParamValue> {
  const isListed = (member: string) => values === undefined || values.some((known) => String(known) === member)
  const fits = (value: string) => value.split(',').every((member) => member !== '' && isListed(member))
  const choice = values === undefined ? 'without empty members' : `each one of ${values.join(', ')}`
  return z
    .preprocess(
      (raw) => {
        const members = Array.isArray(raw) ? raw.map(asText) : [asText(raw)]
        return members.every((member) => typeof member === 'string') ? members.join(',') : raw
      },
      text().refine(fits, { error: `write members with commas between them, ${choice}` }),
    )
    .meta({ type: ['string', 'integer', 'array'], items: scalar })
}
