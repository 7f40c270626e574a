/** Links that are called. */
import { percentDecoded } from './address.ts'

/** `https://user:pass@host/list` means a Basic login (RFC 7617): it is not part of the called address. */
export function splitLogin(link: URL): { readonly url: URL; readonly headers: Readonly<Record<string, string>> } {
  const { username, password } = link
  const url = new URL(link)
  url.username = ''
  url.password = ''
  if (username === '' && password === '') return { url, headers: {} }
  const login = `${percentDecoded(username)}:${percentDecoded(password)}`
  return { url, headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` } }
}
