/** Every operation of the admin API. docs/openapi.json is generated from this table, and docs/admin-api.md is compared with it. */

import type { Operation } from './operation.ts'
import { healthReport, readiness } from './schemas/gateway.ts'
import { banReply, banReport, poolReport } from './schemas/pool.ts'
import { providersReport, refillReply, retryReply } from './schemas/providers.ts'
import { callOrder, callReply, testSourceOrder, testSourceReply } from './schemas/vendor-calls.ts'

const provider = { name: 'Name of the provider in the configuration' }
const upstream = { id: 'Id of the upstream, as in X-Turnpike-Upstream' }

export const operations = {
  getHealth: {
    method: 'get',
    path: '/healthz',
    summary: 'Whether the process answers',
    access: 'open',
    replies: { 200: { description: 'It does', schema: healthReport } },
  },
  getReadiness: {
    method: 'get',
    path: '/readyz',
    summary: 'Whether the gateway can serve clients',
    access: 'open',
    replies: { 200: { description: 'It can', schema: readiness } },
    problems: ['ADMIN_NOT_READY'],
  },
  getMetrics: {
    method: 'get',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format',
    access: 'read',
    replies: { 200: { description: 'All metrics', contentType: 'text/plain; version=0.0.4; charset=utf-8' } },
  },
  getOpenApi: {
    method: 'get',
    path: '/v1/openapi.json',
    summary: 'This document',
    access: 'read',
    replies: { 200: { description: 'OpenAPI 3.1', contentType: 'application/json' } },
  },
  getPool: {
    method: 'get',
    path: '/v1/pool',
    summary: 'Every upstream in the pool',
    access: 'read',
    replies: { 200: { description: 'The pool', schema: poolReport } },
  },
  getProviders: {
    method: 'get',
    path: '/v1/providers',
    summary: 'Every provider',
    access: 'read',
    replies: { 200: { description: 'In the order of the configuration', schema: providersReport } },
  },
  reportBan: {
    method: 'post',
    path: '/v1/upstreams/{id}/report',
    summary: 'Reports that a target has banned an upstream',
    access: 'change',
    params: upstream,
    body: banReport,
    replies: { 200: { description: 'It stays away from the host', schema: banReply } },
    problems: ['ADMIN_UNKNOWN_UPSTREAM'],
  },
  refillProvider: {
    method: 'post',
    path: '/v1/providers/{name}/refill',
    summary: 'Orders addresses now, whatever the demand',
    access: 'change',
    params: provider,
    replies: { 202: { description: 'A call is on its way', schema: refillReply } },
    problems: ['ADMIN_UNKNOWN_PROVIDER', 'ADMIN_NOT_NOW'],
  },
  retryProvider: {
    method: 'post',
    path: '/v1/providers/{name}/retry',
    summary: 'Ends the pause of a provider that has stopped or waits',
    access: 'change',
    params: provider,
    replies: { 200: { description: 'The next order may leave at once', schema: retryReply } },
    problems: ['ADMIN_UNKNOWN_PROVIDER'],
  },
  callVendor: {
    method: 'post',
    path: '/v1/providers/{name}/call',
    summary: "Calls an operation of the provider's vendor",
    access: 'change',
    params: provider,
    body: callOrder,
    replies: { 200: { description: 'What the vendor answered', schema: callReply } },
    problems: [
      'ADMIN_UNKNOWN_PROVIDER',
      'ADMIN_UNKNOWN_OPERATION',
      'ADMIN_BAD_REQUEST',
      'ADMIN_UNCONFIRMED',
      'ADMIN_NOT_NOW',
      'ADMIN_VENDOR',
    ],
  },
  testSource: {
    method: 'post',
    path: '/v1/test-source',
    summary: 'Calls a provider, or a pasted link, once, to see what it brings',
    access: 'change',
    body: testSourceOrder,
    replies: { 200: { description: 'What it brought, or how the vendor refused', schema: testSourceReply } },
    problems: ['ADMIN_UNKNOWN_PROVIDER', 'ADMIN_NOT_NOW', 'ADMIN_VENDOR'],
  },
} as const satisfies Readonly<Record<string, Operation>>

export type OperationId = keyof typeof operations
