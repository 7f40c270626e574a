/** Clients written on raw sockets: they send exactly what a test says and keep every byte that comes back. */
export { closeClients, dial, sendSplit } from './client-dial.ts'
export { basic, type ConnectOptions, connectVia, type PlainOptions, plain, readReply } from './client-http.ts'
export { socks4, socks4a, socks5 } from './client-socks.ts'
