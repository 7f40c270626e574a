/** One topic of the event stream. */
export interface Feed {
  /** The first reader has come: changes are relative to this moment. */
  begin(): void
  /** A new reader's first events, in pieces: made one after the other, with pauses for the clients' traffic. */
  first(): Iterable<object>
  /** Changes since the previous call. Called once a second while there are readers. */
  changes(): Iterable<object>
  /** The last reader has left. */
  end(): void
}
