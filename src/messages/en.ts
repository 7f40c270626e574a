/**
 * Every sentence that is worded in more than one language. `{name}` is filled in. zh.ts has the same keys with the same
 * names, and a test compares them. Plain data: the dashboard bundles it.
 */
export const en = {
  'verdict.not-listening': 'The gateway accepts no connections: it is starting or stopping.',
  'remedy.not-listening': 'Wait a moment; if it lasts, read the log.',
  'verdict.key-wrong': '{provider}: the vendor refuses the key: {reason}.',
  'remedy.key-wrong':
    'Correct the credentials of {provider} and restart; if they were corrected at the vendor, press Retry.',
  'verdict.plan-expired': '{provider}: the plan at the vendor has ended: {reason}.',
  'remedy.plan-expired': 'Renew the plan at the vendor, then press Retry.',
  'verdict.whitelist-missing': '{provider}: the address of this machine is not on the vendor’s whitelist: {reason}.',
  'remedy.whitelist-missing':
    'Add the public address of this machine at the vendor, or set whitelist: auto; then press Retry.',
  'verdict.request-wrong': '{provider}: the vendor refuses the parameters: {reason}.',
  'remedy.request-wrong': 'Correct product and request of {provider} in gateway.yaml, then restart.',
  'verdict.addresses-unusable': '{provider}: the addresses that it sells do not work: {reason}.',
  'remedy.addresses-unusable':
    'Check upstream.username, upstream.password, the whitelist for using addresses, and outgoing connections; then press Retry.',
  'verdict.budget-reached':
    '{provider}: the budget {which} of {limit} addresses is used up; the next one may be bought in {seconds} s.',
  'remedy.budget-reached': 'Wait, or raise budget.{which} of {provider}.',
  'verdict.budget-total-reached': '{provider}: the budget in total of {limit} addresses is used up.',
  'remedy.budget-total-reached': 'Raise budget.total of {provider}: it does not come back by itself.',
  'verdict.quota-used-up': '{provider}: the quota at the vendor is used up: {reason}.',
  'remedy.quota-used-up': 'Wait until the vendor allows more, or buy more there; then press Retry.',
  'verdict.vendor-down': '{provider}: the vendor cannot be reached or fails: {reason}.',
  'remedy.vendor-down': 'It is called again by itself. If it lasts, check the network and the vendor’s status page.',
  'verdict.sold-out': '{provider}: the vendor has no fitting address at the moment: {reason}.',
  'remedy.sold-out': 'It is called again by itself. If it lasts, ask for fewer conditions (area, carrier) in request.',
  'verdict.calls-used-up': '{provider}: the vendor allows no further call now: {reason}.',
  'remedy.calls-used-up': 'It is called again by itself. If it lasts, lower limit.share or raise the plan.',
  'verdict.paused': '{provider} is paused: nothing is bought.',
  'remedy.paused': 'Press Resume.',
  'verdict.provider-waiting': '{provider} waits: {reason}.',
  'remedy.provider-waiting': 'It goes on by itself.',
  'verdict.clients-wait': 'Clients that wait for an address: {count}.',
  'remedy.clients-wait': 'Addresses are on order. If it lasts, raise pool.ceiling, the channels or the budget.',
  'verdict.balance-low': '{provider}: {balance} left on the account at the vendor, less than lowStock.',
  'remedy.balance-low': 'Top up the account at the vendor.',
  'verdict.no-demand': 'No client asks at the moment, so nothing is bought. The first request starts it.',
  'remedy.no-demand': 'Nothing to do.',
  'verdict.all-well': 'All is well. Addresses ready: {ready}; open tunnels: {tunnels}.',
  'remedy.all-well': 'Nothing to do.',
} as const
