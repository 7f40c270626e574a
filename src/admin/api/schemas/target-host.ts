/** The name or address of a target, in a request body. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { hostKey, isHostName } from '../../../address.ts'

export const targetHost = z
  .string()
  .transform(hostKey)
  .refine((host) => isIP(host) !== 0 || isHostName(host), { error: 'write a host, as in www.example.com' })
  .meta({ description: 'Target host without a port, as in www.example.com', type: 'string' })
