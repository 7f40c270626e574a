/**
 * A value that is made when it is asked for, and again after it was garbage-collected: for what is large, needed at the
 * start or at a reload, and cheap enough to make anew.
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
