/**
 * A queue that serves users in turn: one entry of each user, then the next entry of each. The entries of one user keep
 * their order of arrival. All operations are O(1), except iteration.
 *
 *   turn order   ada ─▶ bob ─▶ eve          `first` is 1; after `endTurn` of an entry of ada, ada is after eve
 *   entries      1 3     2      4 5 6
 */

/** The position of an entry. It belongs to one queue for its whole life, and links the entries of its user. */
export class Place<T> {
  readonly item: T
  readonly user: string
  next: Place<T> | undefined = undefined
  previous: Place<T> | undefined = undefined

  constructor(user: string, item: T) {
    this.user = user
    this.item = item
  }
}

/** A doubly linked list that keeps the order of arrival. */
class Chain<Link extends { next: Link | undefined; previous: Link | undefined }> {
  first: Link | undefined = undefined
  last: Link | undefined = undefined
  size = 0

  append(link: Link): void {
    link.previous = this.last
    link.next = undefined
    if (this.last === undefined) this.first = link
    else this.last.next = link
    this.last = link
    this.size++
  }

  remove(link: Link): void {
    const { next, previous } = link
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    this.size--
  }
}

/** The entries of one user, and the user's place in the turn order. */
export class Line<T> extends Chain<Place<T>> {
  readonly user: string
  next: Line<T> | undefined = undefined
  previous: Line<T> | undefined = undefined

  constructor(user: string) {
    super()
    this.user = user
  }
}

export class FairQueue<T> {
  readonly #lines = new Map<string, Line<T>>()
  readonly #turns = new Chain<Line<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Users that have an entry. */
  get users(): number {
    return this.#turns.size
  }

  /** The entry that is served next. */
  get first(): Place<T> | undefined {
    return this.#turns.first?.first
  }

  /** How many entries the user has. */
  countOf(user: string): number {
    return this.#lines.get(user)?.size ?? 0
  }

  /** The oldest entry of the user. */
  oldestOf(user: string): Place<T> | undefined {
    return this.#lines.get(user)?.first
  }

  /** The newest entry of the user. */
  newestOf(user: string): Place<T> | undefined {
    return this.#lines.get(user)?.last
  }

  /** Adds an entry after the others of its user. A user without entries gets the last turn. */
  add(user: string, item: T): Place<T> {
    let line = this.#lines.get(user)
    if (line === undefined) {
      line = new Line(user)
      this.#lines.set(user, line)
      this.#turns.append(line)
    }
    const place = new Place(user, item)
    line.append(place)
    this.#size++
    return place
  }

  /** The entry must be in this queue. */
  remove(place: Place<T>): void {
    const line = this.#lines.get(place.user)
    if (line === undefined) return
    line.remove(place)
    this.#size--
    if (line.size > 0) return
    this.#turns.remove(line)
    this.#lines.delete(place.user)
  }

  /** The user has been served and moves to the end of the turn order. */
  endTurn(user: string): void {
    const line = this.#lines.get(user)
    if (line === undefined) return
    this.#turns.remove(line)
    this.#turns.append(line)
  }

  /** The user with the most entries; of several, the one with the earliest turn. O(users). */
  largestUser(): string | undefined {
    let largest: Line<T> | undefined
    for (let line = this.#turns.first; line !== undefined; line = line.next)
      if (line.size > (largest?.size ?? 0)) largest = line
    return largest?.user
  }

  /** All entries, user by user in the order of turns. During iteration, only the current entry may be removed. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let line = this.#turns.first; line !== undefined; ) {
      const nextLine = line.next
      for (let place = line.first; place !== undefined; ) {
        const { next } = place
        yield place.item
        place = next
      }
      line = nextLine
    }
  }
}
