/** Ports and providers of a configuration in a few words, for `check` and the summary of `start`. */
import { formatAuthority } from '../address.ts'
import {
  buysNothing,
  type Config,
  isApi,
  isDemo,
  isLink,
  type LinkProviderConfig,
  type ListenConfig,
  type ProviderConfig,
} from '../config/schema.ts'
import { say } from '../messages/language.ts'
import { terminal } from '../messages/terminal.ts'
import { readLink } from '../vendors/registry.ts'

/** `127.0.0.1:8080 (no login)`. @param place the actual address when it is known: port 0 means any free port */
export function describeListener(listener: ListenConfig, place: string = placeOf(listener)): string {
  const { users, allow, provider, session } = listener
  const facts = [
    describeLogin(users?.length),
    ...(allow === undefined ? [] : [say(terminal.from, { networks: allow.join(', ') })]),
    ...(provider === undefined ? [] : [say(terminal.onlyProvider, { name: provider })]),
    ...(session === 'off' ? [] : [say(session === 'client' ? terminal.perClient : terminal.perTarget)]),
  ]
  return withFacts(place, facts)
}

const withFacts = (text: string, facts: readonly string[]): string =>
  say(terminal.inBrackets, { text, more: facts.join(say(terminal.semicolon)) })

const placeOf = ({ host, port }: ListenConfig): string => formatAuthority(host, port)

function describeLogin(users: number | undefined): string {
  if (users === undefined) return say(terminal.noLogin)
  return users === 1 ? say(terminal.oneUser) : say(terminal.users, { count: users })
}

/** `qg (qg share-elastic; buys at most 500 an hour)`. */
export function describeProvider(provider: ProviderConfig): string {
  return withFacts(provider.name, [whatOf(provider), describeBudget(provider)])
}

function whatOf(provider: ProviderConfig): string {
  if (isApi(provider)) return `${provider.vendor} ${provider.product}`
  return isLink(provider) ? describeLink(provider) : provider.vendor
}

/** What its link says; in a valid configuration it is never empty. */
function describeLink({ url, product, credentials }: LinkProviderConfig): string {
  const reading = readLink(url, product, credentials?.key)
  switch (reading.kind) {
    case 'table':
      return say(terminal.linkOf, { vendor: reading.vendor.name, product: reading.product })
    case 'signed':
      return say(terminal.signedLinkOf, {
        vendor: reading.vendor.name,
        product: reading.product,
        count: reading.count ?? 1,
      })
    case 'unknown':
      return say(terminal.linkTo, { host: reading.host })
    case 'problem':
      return say(terminal.link)
  }
}

function describeBudget(provider: ProviderConfig): string {
  if (buysNothing(provider)) return say(terminal.buysNothing)
  const { perHour, perDay, total }: Config['providers'][number]['budget'] = provider.budget
  const limits = [
    ...(perHour === undefined ? [] : [say(terminal.perHour, { count: perHour })]),
    ...(perDay === undefined ? [] : [say(terminal.perDay, { count: perDay })]),
    ...(total === undefined ? [] : [say(terminal.total, { count: total })]),
  ]
  if (limits.length > 0) return say(terminal.budget, { limits: limits.join(say(terminal.comma)) })
  return isDemo(provider) ? say(terminal.costsNothing) : say(terminal.noBudget)
}
