/** Why a request to the store failed. The reason is for programs, the message for the operator. */
export type StoreReason =
  /** Another process holds the folder. */
  | 'busy'
  | 'full'
  | 'read-only'
  /** The folder or a file of it may not be opened. */
  | 'no-access'
  /** The file was found damaged in use: it is checked again before the next change. */
  | 'damaged'
  /** Its files were removed or replaced while it was open: it is opened again for the next change. */
  | 'removed'
  /** The writing thread has ended; a new one is started for the next change. */
  | 'crashed'
  | 'closed'
  /** This change cannot be stored; others can. */
  | 'refused'
  | 'failed'

/** The store could not make something durable, or could not be opened. Nothing of the request has been recorded. */
export class StoreError extends Error {
  readonly reason: StoreReason

  constructor(reason: StoreReason, message: string) {
    super(message)
    this.name = 'StoreError'
    this.reason = reason
  }
}

/** Another process, or another store of this process, uses the folder. */
export class StoreBusy extends StoreError {
  readonly dir: string

  constructor(dir: string) {
    super(
      'busy',
      `another Turnpike uses the folder ${dir}: stop it, or give this one a folder of its own (state.path in its gateway.yaml)`,
    )
    this.name = 'StoreBusy'
    this.dir = dir
  }
}
