/** Builds the dashboard into dist/web, from where admin/ serves it: when a clone is installed and when the package is built. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

// Vite compiles JSX for development, with the paths of this machine, when a caller (a test run) has set NODE_ENV to another value.
process.env['NODE_ENV'] = 'production'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  logLevel: 'warn',
  build: {
    outDir: fileURLToPath(new URL('../../../dist/web', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    // The polyfill and inlined assets would need a weaker Content-Security-Policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // A slow machine is not a warning.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
})
