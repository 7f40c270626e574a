/** Names of the events of `GET /v1/events`, in the order in which a new reader receives them. */
export const topics = ['verdict', 'counters', 'providers', 'pool', 'connections', 'history'] as const
export type Topic = (typeof topics)[number]
