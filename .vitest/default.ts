import { tier } from './tier.ts'

/** `npm test`: Node alone, under three minutes. */
export default tier({ name: 'test', include: ['test/{unit,integration}/**/*.test.ts'], testTimeoutMs: 60_000 })
