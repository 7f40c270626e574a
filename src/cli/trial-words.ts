/** What `turnpike test-source` prints. */
import { isPrivateAddress } from '../config/provider-yaml.ts'
import type { TrialAddress, TrialReport } from '../supply/operator/test-source.ts'
import { carried, type TriedRequest } from '../supply/operator/try.ts'
import type { LinkFacts } from './link-facts.ts'
import { oneLine } from './table.ts'

/** What the operator pays for one address, where the configuration says so. */
type Price = number | undefined

/** What counts of the provider's entry. */
interface TriedEntry {
  readonly price?: Price
  readonly allowPrivate: boolean
}

const line = (title: string, text: string): string => `${title.padEnd(10)}${text}`

/** What is about to happen. @param lot how many addresses one call brings */
export function intention(what: string, lot: number | null, price: Price): string {
  const many = lot === null ? 'as many addresses as it brings' : lot === 1 ? 'one address' : `${lot} addresses`
  return `one call to ${what}, for ${many}${costOf(lot ?? undefined, price)}; no client is lent them\n`
}

function costOf(count: number | undefined, price: Price): string {
  return price === undefined || count === undefined
    ? ''
    : ` (${Number((count * price).toFixed(6))} at the configured price)`
}

export function linkLines(facts: LinkFacts): string[] {
  const { vendor, product, host, use, credentials, request, extras, leftOut, alternatives, lot, example } = facts
  const whose =
    vendor === null && example !== null
      ? 'of a vendor without a table of its own'
      : vendor === null
        ? 'of no vendor that Turnpike knows'
        : `of ${vendor}${product === null ? '' : ` ${product}`}`
  const how = {
    table: 'called by the vendor’s table, with the account of the link and as many addresses as are needed',
    'as it is': `signed: called as it is, ${lot} addresses a call. With credentials: { key: ... } it is signed anew`,
    'as it is, reply sniffed': 'called as it is, its reply sniffed',
  }[use]
  const parameters = [
    ...credentials.map((name) => `${name} ***`),
    ...Object.entries(request).map(([name, value]) => `${name} ${value}`),
    ...extras.map((name) => `${name} (kept as it is)`),
  ]
  return [
    line('link', `${whose}, at ${host}`),
    line('', how),
    ...(example === null
      ? []
      : [line('', `an entry for this vendor, with as many addresses as are needed: ${example}`)]),
    ...(parameters.length === 0 ? [] : [line('asks for', oneLine(parameters.join(', ')))]),
    ...(leftOut.length === 0
      ? []
      : [line('', `without ${oneLine(leftOut.join(', '))}: replies are asked for in Turnpike's own format`)]),
    ...(alternatives.length === 0
      ? []
      : [line('note', `such a link may also be for ${alternatives.join(', ')}: product: says which`)]),
  ]
}

/** @param entry the provider's, where it has one */
export function reportLines(report: TrialReport, entry: TriedEntry | undefined): string[] {
  const { failure, count, pending, format, seconds, addresses, rejected, balance, provider } = report
  if (failure !== null) {
    const said = `${whoOf(report)}: ${failure.words} (${failure.vendorCode}, ${failure.error})`
    return failure.hint === null ? [line('wrong', said)] : [line('wrong', failure.hint), line('', said)]
  }
  const found = `${count} ${count === 1 ? 'address' : 'addresses'}${pending === 0 ? '' : ` and ${pending} that come later`}`
  const bill = provider === null ? '' : `, counted in the budget of "${provider}"`
  return [
    line('reply', `${format === null ? '' : `${format}, `}${found} after ${seconds} s`),
    ...addresses.map((address) => line('', addressLine(address, entry?.allowPrivate === true))),
    ...(count > addresses.length ? [line('', `and ${count - addresses.length} more`)] : []),
    ...rejected.map((reason) => line('left out', oneLine(reason))),
    ...(report.ordered === null
      ? [line('cost', 'nothing: a list is read')]
      : [line('cost', `${found}${costOf(count + pending, entry?.price)}${bill}`)]),
    ...(balance === null ? [] : [line('left', `${balance}, says the vendor`)]),
    ...notes(report).map((note) => line('note', note)),
    ...(report.tried === null
      ? [line('works', 'the addresses themselves were not tried: --try URL does it')]
      : triedLines(report.tried)),
  ]
}

/** What a library that is not Turnpike met at an address, and whose fault that is. */
export function triedLines(tried: TriedRequest): string[] {
  const { address, protocol, library, seconds, status, bytes, text, failure } = tried
  const how = `${address} (${protocol}, by ${library}) after ${seconds} s`
  if (carried(tried))
    return [
      line('works', `HTTP status ${status} through ${how}`),
      line('', `${bytes} octets${text === '' ? '' : `: ${oneLine(text)}`}`),
      line('so', 'the proxy carries it. If the same request fails through Turnpike, please report that'),
    ]
  return [
    line('fails', failure === null ? `HTTP status ${status} through ${how}` : `${how}: ${oneLine(failure.words)}`),
    ...(failure?.code ? [line('', failure.code)] : []),
    line('so', 'Turnpike had no part in it: the proxy, its login or the target is at fault'),
  ]
}

/** A table that serves many vendors has no name of its own to tell. */
function whoOf({ vendor, provider }: TrialReport): string {
  return vendor === 'link' || vendor === 'generic' ? (provider ?? 'the vendor') : vendor
}

function lifeOf(seconds: number | null): string {
  if (seconds === null) return 'endless'
  return seconds < 0 ? 'past its deadline already' : `${seconds} s`
}

function addressLine(
  { address, protocol, login, lifeSeconds, exit, country, area, city, isp }: TrialAddress,
  allowPrivate: boolean,
): string {
  const facts = [
    address,
    protocol,
    login === 'none' ? 'no login' : `with ${login}`,
    lifeOf(lifeSeconds),
    ...(exit === null ? [] : [`exit ${exit}`]),
    ...[country, area, city, isp].filter((fact) => fact !== null),
    ...(isPrivateAddress(address) && !allowPrivate ? ['a private address: its entry needs allowPrivate: true'] : []),
  ]
  return oneLine(facts.join('  '))
}

const doubts: Readonly<Record<TrialReport['doubts'][number], string>> = {
  assumed: 'the reply tells no life and no ttl is configured: 60 s are assumed. Set ttl',
  absurd: 'a life of more than 48 h: a wrong zone, clock or unit? Set ttl',
  past: 'a deadline is past already: a wrong zone or clock? Set ttl',
}

function notes({ doubts: found, addresses }: TrialReport): string[] {
  const hasNoLogin = addresses.length > 0 && addresses.every(({ login }) => login === 'none')
  const login =
    'no login came or is configured: the proxies must know this machine by their whitelist, or add upstream: { username, password }'
  return [...found.map((doubt) => doubts[doubt]), ...(hasNoLogin ? [login] : [])]
}
