/** Gives a message to the handler of its kind. */

export type HandlersOf<M extends { readonly kind: string }> = {
  readonly [K in M['kind']]: (message: Extract<M, { readonly kind: K }>) => void
}

export function dispatch<M extends { readonly kind: string }>(handlers: HandlersOf<M>, message: M): void {
  const handler = handlers[message.kind as M['kind']] as (message: M) => void
  handler(message)
}
