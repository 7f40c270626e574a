/** How an upstream is chosen: the words of the configuration, of the clients and of the pool. */
export const strategies = [
  'round-robin',
  'random',
  'least-connections',
  'longest-life',
  'soonest-expiry',
  'power-of-two',
] as const

export type Strategy = (typeof strategies)[number]
