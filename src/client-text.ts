/** Text of clients: user names, passwords and options. */
import { isUtf8 } from 'node:buffer'

/** UTF-8, as RFC 7617 section 2.1 has it; other octets are Latin-1, which Python's requests sends. */
export function textOf(octets: Buffer): string {
  return octets.toString(isUtf8(octets) ? 'utf8' : 'latin1')
}
