/** Rules for names that clients send: the same text also carries the client's options, so some texts cannot be names. */
import { z } from 'zod'
import { parseUserName } from '../downstream/username-options.ts'
import { orEnvironment, text } from './fields.ts'

const OPTION_IN_NAME = 'a name cannot hold an option such as -session- or -country-: clients could not tell it from one'

const RESERVED = 'choose another name: in reports and metrics direct means connections through no upstream'

const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** A provider's name: it appears in user names, headers, URLs and metrics. */
export function providerName() {
  return z
    .string()
    .refine((value) => PROVIDER_NAME.test(value), {
      error: 'use letters, digits, dots, hyphens and underscores, at most 64, beginning with a letter or a digit',
    })
    .refine((value) => !holdsOption(value), { error: OPTION_IN_NAME })
    .refine((value) => value !== 'direct', { error: RESERVED })
    .meta({ pattern: orEnvironment(PROVIDER_NAME.source.slice(1, -1)) })
}

/** An account name as clients send it: in Basic it ends at a colon, and options follow it. RFC 7617 section 2 allows an empty one. */
export function userName() {
  return text({ maxBytes: 255, mayBeEmpty: true })
    .refine((value) => !value.includes(':'), {
      error: 'a user name cannot hold a colon: in a Basic login the password begins there',
    })
    .refine((value) => !holdsOption(value), { error: OPTION_IN_NAME })
}

/** Whether a client's user name would be parsed as a name with an option after it. */
function holdsOption(name: string): boolean {
  try {
    return parseUserName(`.${name}`).account !== `.${name}`
  } catch {
    return true // the option after the name has an invalid value
  }
}
