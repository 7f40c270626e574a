/** Every operation of the admin API. docs/openapi.json is generated from this table, and docs/admin-api.md is compared with it. */

import type { Operation } from './operation.ts'
import { connectionsQuery, connectionsReport } from './schemas/connections.ts'
import { events, eventsQuery } from './schemas/events.ts'
import {
  checkOrder,
  checkReport,
  configReport,
  gatewayReport,
  healthReport,
  pacQuery,
  readiness,
  tryOrder,
  tryReply,
} from './schemas/gateway.ts'
import { historyReport } from './schemas/history.ts'
import { banReply, banReport, poolReport, restOrder, upstreamReply } from './schemas/pool.ts'
import { providerReply, providersReport, refillReply, retryReply } from './schemas/providers.ts'
import { callOrder, callReply, testSourceOrder, testSourceReply } from './schemas/vendor-calls.ts'
import { verdictReport } from './schemas/verdict.ts'

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
  getPac: {
    method: 'get',
    path: '/proxy.pac',
    summary: 'The routes as a proxy auto-configuration file, for browsers',
    access: 'read',
    query: pacQuery,
    replies: {
      200: { description: 'ECMAScript; FindProxyForURL', contentType: 'application/x-ns-proxy-autoconfig' },
    },
    problems: ['ADMIN_NOT_FOUND'],
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
  getGateway: {
    method: 'get',
    path: '/v1/gateway',
    summary: 'Where clients connect, and who may change something',
    access: 'read',
    replies: { 200: { description: 'The gateway', schema: gatewayReport } },
  },
  getConfig: {
    method: 'get',
    path: '/v1/config',
    summary: 'The configuration in force; secrets are ***',
    access: 'read',
    replies: { 200: { description: 'The configuration', schema: configReport } },
  },
  checkConfig: {
    method: 'post',
    path: '/v1/check',
    summary: 'What is wrong with the text of a configuration; nothing is applied',
    access: 'change',
    body: checkOrder,
    maxBodyBytes: 2_097_152,
    replies: { 200: { description: 'Every problem with its line and column', schema: checkReport } },
  },
  tryRequest: {
    method: 'post',
    path: '/v1/try',
    summary: 'Sends one request through a port of the gateway, as a client would',
    access: 'change',
    body: tryOrder,
    replies: { 200: { description: 'What a client would have seen', schema: tryReply } },
    problems: ['ADMIN_BAD_REQUEST'],
  },
  getVerdict: {
    method: 'get',
    path: '/v1/verdict',
    summary: 'The state of the gateway in one sentence, with its remedy',
    access: 'read',
    replies: { 200: { description: 'The worst finding first', schema: verdictReport } },
  },
  getConnections: {
    method: 'get',
    path: '/v1/connections',
    summary: 'Open connections and the last 10,000 closed ones, with the tries of each',
    access: 'read',
    query: connectionsQuery,
    replies: { 200: { description: 'The latest first', schema: connectionsReport } },
  },
  getHistory: {
    method: 'get',
    path: '/v1/history',
    summary: 'The last hour, one value every ten seconds',
    access: 'read',
    replies: { 200: { description: 'Columns of equal length', schema: historyReport } },
  },
  getEvents: {
    method: 'get',
    path: '/v1/events',
    summary: 'Server-sent events: everything once, then what changes, once a second',
    access: 'read',
    query: eventsQuery,
    replies: {
      200: {
        description: 'Events named after their topic; data is the JSON of the schema',
        contentType: 'text/event-stream',
        events,
      },
    },
    problems: ['ADMIN_BUSY'],
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
  restUpstream: {
    method: 'post',
    path: '/v1/upstreams/{id}/rest',
    summary: 'Lends an upstream to no new client for a while',
    access: 'change',
    params: upstream,
    body: restOrder,
    replies: { 200: { description: 'It rests', schema: upstreamReply } },
    problems: ['ADMIN_UNKNOWN_UPSTREAM'],
  },
  evictUpstream: {
    method: 'post',
    path: '/v1/upstreams/{id}/evict',
    summary: 'Takes an upstream out of the pool; its open tunnels run on',
    access: 'change',
    params: upstream,
    replies: { 200: { description: 'It has left the pool', schema: upstreamReply } },
    problems: ['ADMIN_UNKNOWN_UPSTREAM'],
  },
  pauseProvider: {
    method: 'post',
    path: '/v1/providers/{name}/pause',
    summary: 'Stops buying from a provider; what is held is lent on',
    access: 'change',
    params: provider,
    replies: { 200: { description: 'It is paused', schema: providerReply } },
    problems: ['ADMIN_UNKNOWN_PROVIDER'],
  },
  resumeProvider: {
    method: 'post',
    path: '/v1/providers/{name}/resume',
    summary: 'Ends the pause of an operator',
    access: 'change',
    params: provider,
    replies: { 200: { description: 'It may buy again', schema: providerReply } },
    problems: ['ADMIN_UNKNOWN_PROVIDER'],
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
