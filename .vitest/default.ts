import { tier } from './tier.ts'

const testTimeoutMs = 60_000
const UNIT = 'test/unit/**/*.test.ts'
/** Loads packages of vendors, which stay for as long as the process lives. */
const PACKAGES = 'test/unit/vendors/packages.test.ts'

/** `npm test`: Node alone, under ten minutes. */
export default tier([
  { name: 'unit', include: [UNIT], exclude: [PACKAGES], testTimeoutMs, isolate: false },
  { name: 'integration', include: [PACKAGES, 'test/integration/**/*.test.ts'], testTimeoutMs },
])
