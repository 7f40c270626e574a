/** The output of `turnpike test-source`. */
import { isPrivateAuthority } from '../config/provider-yaml.ts'
import { type KnownText, translate, translateSentence } from '../messages/translate.ts'
import type { TrialAddress, TrialReport } from '../supply/operator/test-source.ts'
import { carried, type TriedRequest } from '../supply/operator/try.ts'
import type { LinkFacts } from './link-facts.ts'
import { oneLine, padEnd } from './table.ts'

/** The price of one address, if the configuration has it. */
type Price = number | undefined

/** The parts of the provider's entry that matter here. */
interface TriedEntry {
  readonly price?: Price
  readonly allowPrivate: boolean
  /** A login may be among the header fields of its requests. */
  readonly sendsFields?: boolean
}

/** In columns of the terminal. */
const TITLE_WIDTH = 10

const line = (title: KnownText | '', text: string): string =>
  `${padEnd(title === '' ? '' : translate(title), TITLE_WIDTH)}${text}`

/** Announces the call. @param batchSize how many addresses one call delivers */
export function intention(what: string, batchSize: number | null, price: Price): string {
  const many =
    batchSize === null
      ? translate('as many addresses as it brings')
      : batchSize === 1
        ? translate('one address')
        : translate('{count} addresses', { count: batchSize })
  const facts = { what, many, cost: costOf(batchSize ?? undefined, price) }
  return `${translate('one call to {what}, for {many}{cost}; no client is lent them', facts)}\n`
}

function costOf(count: number | undefined, price: Price): string {
  return price === undefined || count === undefined
    ? ''
    : translate(' ({cost} at the configured price)', { cost: Number((count * price).toFixed(6)) })
}

export function linkLines(facts: LinkFacts): string[] {
  const { vendor, product, host, use, credentials, request, extras, leftOut, alternatives, batchSize, example } = facts
  const whose =
    vendor === null && example !== null
      ? translate('of a vendor without a table of its own')
      : vendor === null
        ? translate('of an unknown vendor')
        : translate('of {vendor}', { vendor: `${vendor}${product === null ? '' : ` ${product}`}` })
  const how = {
    table: translate('called by the vendor’s table, with the account of the link and as many addresses as are needed'),
    'as it is': translate(
      'signed: called as it is (addresses per call: {count}). With credentials: { key: ... } it is signed anew',
      { count: batchSize ?? 1 },
    ),
    'as it is, reply sniffed': translate('called as it is; the format of its reply is recognised'),
  }[use]
  const parameters = [
    ...credentials.map((name) => `${name} ***`),
    ...Object.entries(request).map(([name, value]) => `${name} ${value}`),
    ...extras.map((name) => translate('{name} (kept as it is)', { name })),
  ]
  return [
    line('link', translate('{whose}, at {host}', { whose, host })),
    line('', how),
    ...(example === null
      ? []
      : [
          line('', translate('an entry for this vendor, with as many addresses as are needed: {example}', { example })),
        ]),
    ...(parameters.length === 0 ? [] : [line('asks for', oneLine(parameters.join(', ')))]),
    ...(leftOut.length === 0
      ? []
      : [
          line(
            '',
            translate('without {names}: replies are requested in the format that Turnpike reads', {
              names: oneLine(leftOut.join(', ')),
            }),
          ),
        ]),
    ...(alternatives.length === 0
      ? []
      : [
          line(
            'note',
            translate('such a link may also be for {names}: the key product says which', {
              names: alternatives.join(', '),
            }),
          ),
        ]),
  ]
}

/** @param entry of the provider, if it has one */
export function reportLines(report: TrialReport, entry: TriedEntry | undefined): string[] {
  const { failure, count, pending, format, seconds, addresses, rejected, balance, provider } = report
  if (failure !== null) {
    const said = `${whoOf(report)}: ${translateSentence(failure.words)} (${failure.vendorCode}, ${failure.error})`
    return failure.hint === null
      ? [line('wrong', said)]
      : [line('wrong', translateSentence(failure.hint)), line('', said)]
  }
  const found = `${addressCount(count)}${pending === 0 ? '' : translate(' and {count} that come later', { count: pending })}`
  const bill = provider === null ? '' : translate(', counted in the budget of "{provider}"', { provider })
  return [
    line(
      'reply',
      translate('{found} after {seconds} s', { found: `${format === null ? '' : `${format}, `}${found}`, seconds }),
    ),
    ...addresses.map((address) => line('', addressLine(address, entry?.allowPrivate === true))),
    ...(count > addresses.length ? [line('', translate('and {count} more', { count: count - addresses.length }))] : []),
    ...rejected.map((reason) => line('left out', oneLine(reason))),
    ...(report.ordered === null
      ? [line('cost', translate('nothing: a list is read'))]
      : [line('cost', `${found}${costOf(count + pending, entry?.price)}${bill}`)]),
    ...(balance === null ? [] : [line('left', translate('{balance}, according to the vendor', { balance }))]),
    ...notes(report, entry?.sendsFields === true).map((note) => line('note', note)),
    ...(report.tried === null
      ? [line('works', translate('the addresses themselves were not tried: --try URL does it'))]
      : triedLines(report.tried)),
  ]
}

const addressCount = (count: number): string =>
  count === 1 ? translate('1 address') : translate('{count} addresses', { count })

const throughIt = (status: number | null, how: string): string =>
  translate('HTTP status {status} through {how}', { status: status ?? 0, how })

/** The result of a request by another library through an address, and which side is at fault. */
export function triedLines(tried: TriedRequest): string[] {
  const { address, protocol, library, seconds, status, bytes, text, failure } = tried
  const how = translate('{address} ({protocol}, by {library}) after {seconds} s', {
    address,
    protocol,
    library,
    seconds,
  })
  if (carried(tried))
    return [
      line('works', throughIt(status, how)),
      line('', `${translate('{count} octets', { count: bytes })}${text === '' ? '' : `: ${oneLine(text)}`}`),
      line('so', translate('the proxy carries it. If the same request fails through Turnpike, please report that')),
    ]
  return [
    line('fails', failure === null ? throughIt(status, how) : `${how}: ${oneLine(failure.words)}`),
    ...(failure?.code ? [line('', failure.code)] : []),
    line('so', translate('Turnpike had no part in it: the proxy, its login or the target is at fault')),
  ]
}

/** A table for many vendors has no product name of its own. */
function whoOf({ vendor, provider }: TrialReport): string {
  return vendor === 'link' || vendor === 'generic' ? (provider ?? translate('the vendor')) : vendor
}

function lifeOf(seconds: number | null): string {
  if (seconds === null) return translate('endless')
  return seconds < 0 ? translate('past its deadline already') : translate('{seconds} s', { seconds })
}

function addressLine(
  { address, protocol, login, lifeSeconds, exit, country, area, city, isp }: TrialAddress,
  allowPrivate: boolean,
): string {
  const facts = [
    address,
    protocol,
    login === 'none' ? translate('no login') : translate('with {login}', { login }),
    lifeOf(lifeSeconds),
    ...(exit === null ? [] : [translate('exit {address}', { address: exit })]),
    ...[country, area, city, isp].filter((fact) => fact !== null),
    ...(isPrivateAuthority(address) && !allowPrivate
      ? [translate('a private address: its entry needs allowPrivate: true')]
      : []),
  ]
  return oneLine(facts.join('  '))
}

const doubts: Readonly<Record<TrialReport['doubts'][number], KnownText>> = {
  assumed: 'the reply holds no life and no ttl is configured: 60 s are assumed. Set ttl',
  absurd: 'a life of more than 48 h: a wrong zone, clock or unit? Set ttl',
  past: 'a deadline is past already: a wrong zone or clock? Set ttl',
}

function notes({ doubts: found, addresses }: TrialReport, sendsFields: boolean): string[] {
  const hasNoLogin = addresses.length > 0 && !sendsFields && addresses.every(({ login }) => login === 'none')
  const login = translate(
    'no login came or is configured: the proxies must know this machine by their whitelist, or add upstream: { username, password }',
  )
  return [...found.map((doubt) => translate(doubts[doubt])), ...(hasNoLogin ? [login] : [])]
}
