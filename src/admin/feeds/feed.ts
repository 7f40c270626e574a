/** One topic of the event stream. */
export interface Feed {
  /** The first reader has come: changes are relative to this moment. */
  begin(): void
  /** What a new reader is sent first, in pieces: made one after the other, with pauses for the clients' traffic. */
  first(): Iterable<object>
  /** What has changed since the call before. Called once a second while someone reads. */
  changes(): Iterable<object>
  /** The last reader has left. */
  end(): void
}
