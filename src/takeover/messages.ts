/**
 * The messages between the running gateway and the process that takes over: one JSON object per line, over a Unix socket in the
 * state folder. The order of the messages is in docs/adr/0017-takeover.md.
 */
import { z } from 'zod'

/** With different numbers the two programs are incompatible, and the older one must be stopped first. */
export const PROTOCOL = 4

/** The first line of a connection that will carry sockets; sent by the launcher of the new process. */
const channel = z.object({ kind: z.literal('channel'), id: z.uuid() })

const hello = z.object({ kind: z.literal('hello'), protocol: z.int(), channel: z.uuid() })
/** The new process has the ports and is able to start: it requests the state. */
const take = z.object({ kind: z.literal('take') })
/** The new process is able to serve: it asks whether it still may. The old process waits for a limited time, then it serves again. */
const prepared = z.object({ kind: z.literal('prepared') })
/** The new process serves: the old one may drain. */
const serving = z.object({ kind: z.literal('serving') })

/** From the new process to the old one. */
export const request = z.discriminatedUnion('kind', [channel, hello, take, prepared, serving])
export type Request = z.infer<typeof request>

/** A listening socket. `isShared`: others listen at its address too. */
const port = z.object({ host: z.string(), port: z.int(), isShared: z.boolean() })

/** State of an upstream in the old process, beside its facts. Times are relative: the clocks of two processes differ. */
const carriedUpstream = z.object({
  id: z.string(),
  /** Tunnels and exchanges that are open through it. */
  leases: z.int().nonnegative(),
  uses: z.int().nonnegative(),
  worked: z.boolean(),
  consecutiveFailures: z.int().nonnegative(),
  /** Remaining rest, ms. */
  restMs: z.number().nonnegative(),
  latencyMs: z.number().nonnegative(),
  /** Target hosts for which it rests, and for how long, ms. */
  hostRests: z.array(z.tuple([z.string(), z.number()]).readonly()).readonly(),
})

/** The channel is known: a process may be started with it. */
const ready = z.object({ kind: z.literal('ready') })
/**
 * The sockets that follow through the channel, in this order, with the addresses of the old configuration. An address with several
 * workers occurs once for each of them.
 */
const ports = z.object({ kind: z.literal('ports'), ports: z.array(port) })
const refused = z.object({ kind: z.literal('refused'), reason: z.string() })
/** The old process's host in its cluster; the new process continues as this host. */
const clusterHost = z.object({
  name: z.string(),
  /** Of the planner's lease, where it had that. */
  token: z.string().optional(),
})
export type ClusterHost = z.infer<typeof clusterHost>

/** The state folder is free. */
const released = z.object({
  kind: z.literal('released'),
  upstreams: z.array(carriedUpstream),
  host: clusterHost.optional(),
})
export type Released = Pick<z.infer<typeof released>, 'upstreams' | 'host'>
/** The new process may serve. */
const go = z.object({ kind: z.literal('go') })
/** How many tunnels of an upstream are still open. */
const leases = z.object({ kind: z.literal('leases'), left: z.array(z.tuple([z.string(), z.int().nonnegative()])) })

/** From the old process to the new one. */
export const reply = z.discriminatedUnion('kind', [ready, ports, refused, released, go, leases])
export type Reply = z.infer<typeof reply>

/** Accompanies each socket that is sent through the channel. */
export const delivery = z.object({ kind: z.literal('port'), index: z.int().nonnegative() })
export type Delivery = z.infer<typeof delivery>
