import { tier } from './tier.ts'

/** `npm run test:package`: packs, installs the tarball elsewhere and runs it, so it waits for npm. */
export default tier([{ name: 'package', include: ['test/package/**/*.test.ts'], testTimeoutMs: 180_000 }], false)
