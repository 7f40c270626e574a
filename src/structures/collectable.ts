/**
 * A value that is made on first use, and again after it was garbage-collected: for values that are large, needed only at the
 * start or at a reload, and cheap to make again.
 */
export function collectable<T extends object>(make: () => T): () => T {
  let made: WeakRef<T> | undefined
  return () => {
    const known = made?.deref()
    if (known !== undefined) return known
    const value = make()
    made = new WeakRef(value)
    return value
  }
}
