/** What of the vendors is for packages. */

export {
  type Account,
  type Composed,
  type Credentials,
  type DeliverContext,
  type Delivered,
  type EntryProblem,
  type ErrorClass,
  type ErrorRule,
  type Life,
  type Operation,
  type Param,
  type Params,
  type Pending,
  type Product,
  type ProxyRecord,
  type RateLimit,
  type RawReply,
  type Vendor,
  VendorError,
  type VendorLogin,
  type WaitEdge,
} from '../contract.ts'
export { type Endpoint, parseEndpoint } from '../parse/address.ts'
export { deliverEach, given, lifeUntil, secretOf } from '../parse/items.ts'
export { parseJson } from '../parse/json.ts'
export { countOf, credential, malformed, membersOf, refusal, ruleOf, textOf } from '../parse/reply.ts'
export { chinaTime, readTime } from '../parse/time.ts'
export { readXml } from '../parse/xml.ts'
export { type ConformanceCase, conformance, type VendorExamples } from './conformance.ts'
