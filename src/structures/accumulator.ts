/** Collects octets that come in pieces: amortised O(1) per octet. The caller watches its length. */
export class Accumulator {
  #bytes: Buffer | undefined
  #start = 0
  #end = 0

  /** All pieces so far, less what was dropped; a view, valid until the next `push`. */
  get bytes(): Buffer {
    return this.#bytes === undefined ? Buffer.alloc(0) : this.#bytes.subarray(this.#start, this.#end)
  }

  get length(): number {
    return this.#end - this.#start
  }

  /** Amortised O(1) per octet: the rest is copied when it is shorter than what was dropped. */
  dropFirst(octets: number): void {
    this.#start += octets
    if (this.#bytes !== undefined && this.#start > this.length) this.#move(this.length)
  }

  #move(size: number): void {
    const moved = Buffer.allocUnsafe(size)
    this.#bytes?.copy(moved, 0, this.#start, this.#end)
    this.#bytes = moved
    this.#end -= this.#start
    this.#start = 0
  }

  /** Copies the piece: the caller's buffer may be reused. */
  push(piece: Buffer): void {
    const needed = this.#end + piece.length
    if (this.#bytes === undefined || this.#bytes.length < needed)
      this.#move(Math.max(this.length + piece.length, 2 * this.length))
    if (this.#bytes !== undefined) piece.copy(this.#bytes, this.#end)
    this.#end += piece.length
  }
}
