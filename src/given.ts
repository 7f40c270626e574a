type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/** Drops the undefined members: an optional member is left out, or has a value. */
export function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>
}
