/**
 * Building blocks of the admin API's schemas. Each named schema becomes a component of the OpenAPI document, so its name is
 * permanent. In reports no member is ever missing: an unknown or inapplicable value is `null`.
 */
import { z } from 'zod'

/** Every named schema of the API. */
export const components = z.registry<{ id: string; description: string }>()

/** Names a schema in the OpenAPI document. */
export function named<T extends z.ZodType>(id: string, description: string, schema: T): T {
  components.add(schema, { id, description })
  return schema
}

export const described = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description })

/** A whole number from 0. */
export const count = (description: string) => described(z.int().min(0), description)
/** Decimal seconds. */
export const seconds = (description: string) => described(z.number().min(0), description)
export const decimal = (description: string) => described(z.number(), description)
export const text = (description: string) => described(z.string(), description)
export const flag = (description: string) => described(z.boolean(), description)
export const list = <T extends z.ZodType>(item: T, description: string) => described(z.array(item), description)
export const oneOf = <const Words extends readonly string[]>(words: Words, description: string) =>
  described(z.enum(words), description)
/** `null` where unknown or not applicable. */
export const orNull = <T extends z.ZodType>(schema: T) => {
  const { description } = z.globalRegistry.get(schema) ?? {}
  return description === undefined ? schema.nullable() : described(schema.nullable(), description)
}
/** RFC 3339, UTC, with milliseconds. zod's own pattern is 300 characters long, and `format` says the same. */
export const instant = (description: string) => described(z.string().meta({ format: 'date-time' }), description)
