import { tier } from './tier.ts'

/** `npm run test:clients`: real programs from Debian (see .ci/run); a missing one fails its test, it is never skipped. */
export default tier([{ name: 'clients', include: ['test/clients/**/*.test.ts'], testTimeoutMs: 180_000 }])
