/**
 * Node's HTTP module, without its WebSocket: an `import` of it reads every export, at one of which Node loads the whole of
 * its own undici, 6 MB that are not used here (measured with Node 24.21; docs/performance.md).
 */
export const http = process.getBuiltinModule('node:http')
