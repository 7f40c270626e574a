import { tier } from './tier.ts'

/** `npm run torture`: long, by hand. */
export default tier([{ name: 'torture', include: ['test/torture/**/*.test.ts'], testTimeoutMs: 1_800_000 }], false)
