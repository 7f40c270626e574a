/** The public exports for vendor packages. */

export { given } from '../../given.ts'
export type { Life, Pending, ProxyRecord } from '../contract/delivery.ts'
export { type ErrorClass, VendorError, type WaitEdge } from '../contract/error.ts'
export type {
  Composed,
  Credentials,
  ErrorRule,
  Operation,
  Param,
  Params,
  RateLimit,
  RawReply,
} from '../contract/operation.ts'
export { credential } from '../contract/settings.ts'
export type {
  Account,
  DeliverContext,
  Delivered,
  EntryProblem,
  Product,
  Vendor,
  VendorLogin,
} from '../contract/vendor.ts'
export { type Endpoint, parseEndpoint } from '../parse/address.ts'
export { deliverEach, lifeUntil, secretOf } from '../parse/items.ts'
export { parseJson } from '../parse/json.ts'
export { countOf, malformed, membersOf, refusal, ruleOf, textOf } from '../parse/reply.ts'
export { chinaTime, readTime } from '../parse/time.ts'
export { readXml } from '../parse/xml.ts'
export { type ConformanceCase, conformance, type VendorExamples } from './conformance.ts'
