/**
 * What a vendor's package imports, as `turnpike/vendor`: the contract, building blocks of its configuration, readers of replies,
 * and the suite that every vendor passes. docs/vendors/packages.md is its manual.
 */
export { z } from 'zod'
export { duration, integer, secret, someOf, text } from './config/fields.ts'
export { Secret } from './secret.ts'
export * from './vendors/packages/public.ts'
