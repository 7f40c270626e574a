/** Collects octets that come in pieces: amortised O(1) per octet. The caller watches its length. */
export class Accumulator {
  #bytes: Buffer | undefined
  #length = 0

  /** All pieces so far; a view, valid until the next `push`. */
  get bytes(): Buffer {
    return this.#bytes === undefined ? Buffer.alloc(0) : this.#bytes.subarray(0, this.#length)
  }

  get length(): number {
    return this.#length
  }

  /** Copies the piece: the caller's buffer may be reused. */
  push(piece: Buffer): void {
    const needed = this.#length + piece.length
    if (this.#bytes === undefined || this.#bytes.length < needed) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#length))
      this.#bytes?.copy(grown, 0, 0, this.#length)
      this.#bytes = grown
    }
    piece.copy(this.#bytes, this.#length)
    this.#length = needed
  }
}
