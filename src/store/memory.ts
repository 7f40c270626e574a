import type { CallId, Store } from './contract.ts'

/** The store of `state: off`: records nothing, and everything succeeds at once. */
export function forgetfulStore(): Store {
  let calls: CallId = 0
  const forget = () => {}
  return {
    callBegins: async () => ++calls,
    callEnded: forget,
    callUndone: forget,
    callResolved: forget,
    bought: async () => {},
    pending: forget,
    pendingOver: forget,
    left: forget,
    released: forget,
    opened: forget,
    session: forget,
    sessionUsed: forget,
    sessionEnded: forget,
    userUsed: forget,
    flush: async () => {},
    close: async () => {},
  }
}
