/**
 * Exceptions that no code expects. Where control enters from the event loop (an event of a socket, a timer, a background
 * task, a request to the admin port), an exception ends the connection or the task that it belongs to, not the process: it
 * is counted, logged with its stack, and its owner ends.
 *
 * One record for the whole process, as for `uncaughtException`: the entries are in every part.
 */
import type { EventEmitter } from 'node:events'
import { GatewayError } from './errors.ts'

/** A connection, or a part of one, that can be ended alone when one of its handlers has thrown. */
export interface ExceptionOwner {
  /**
   * Ends it and gives back what it holds. A client that has received nothing yet gets GW_INTERNAL. May throw: then that is
   * reported as well.
   */
  failInternally(): void
}

/** An exception at one place in the code is logged so many times; afterwards only when the number of times doubles. */
const LOGGED_EACH = 10
/** Largest number of places that are counted separately. */
const MAX_PLACES = 1_000
const MAX_STACK_CHARACTERS = 4_000

/** @param times how often an exception came from this place, this time included */
type Listener = (stack: string, times: number) => void

class InternalErrors {
  /** Since the process began. */
  count = 0
  #listener: Listener | undefined
  readonly #places = new Map<string, number>()

  /** @param listener writes the log; it replaces the previous one. @returns the undo */
  listen(listener: Listener): () => void {
    this.#listener = listener
    this.#places.clear()
    return () => {
      if (this.#listener === listener) this.#listener = undefined
    }
  }

  report(error: unknown): void {
    this.count++
    const stack = stackOf(error)
    const times = this.#countAt(placeOf(stack))
    if (times <= LOGGED_EACH || (times & (times - 1)) === 0) this.#listener?.(stack, times)
  }

  #countAt(place: string): number {
    if (this.#places.size >= MAX_PLACES) this.#places.clear()
    const times = (this.#places.get(place) ?? 0) + 1
    this.#places.set(place, times)
    return times
  }
}

export const internalErrors = new InternalErrors()

/** Reports an exception and ends what it belongs to. Does not throw. */
export function containException(error: unknown, owner: ExceptionOwner): void {
  internalErrors.report(error)
  try {
    owner.failInternally()
  } catch (second) {
    internalErrors.report(second)
  }
}

/** An emitter that its listeners find their object by: all emitters of a kind share them. */
interface OwnedEmitter<Owner extends ExceptionOwner> {
  owner: Owner
}

/** From now on the listeners that `listenerOf` has made find `owner`. */
export function setOwner<Owner extends ExceptionOwner>(emitter: EventEmitter, owner: Owner): void {
  ;(emitter as EventEmitter & OwnedEmitter<Owner>).owner = owner
}

/**
 * A listener for emitters whose owner is set. An exception in it ends the owner alone, and the emitter's own code goes on as after
 * any event.
 */
export function listenerOf<Owner extends ExceptionOwner, Argument = unknown>(
  handle: (owner: Owner, argument: Argument) => void,
): (argument: Argument) => void {
  return function (this: unknown, argument: Argument): void {
    const { owner } = this as OwnedEmitter<Owner>
    try {
      handle(owner, argument)
    } catch (error) {
      containException(error, owner)
    }
  }
}

/** Runs it. An exception is reported: it has no owner that could be ended. */
export function contained(fn: () => void): void {
  try {
    fn()
  } catch (error) {
    internalErrors.report(error)
  }
}

/** Lets a task run that nothing waits for. A rejection is reported. */
export function runInBackground(task: Promise<unknown>): void {
  task.catch((error: unknown) => internalErrors.report(error))
}

/** What a client gets whose connection an exception has ended. */
export function internalFailure(): GatewayError {
  return new GatewayError('GW_INTERNAL', 'the gateway failed at this request; its log has the details')
}

/** The stack alone: a cause and other members may hold anything, a login too. */
export function stackOf(error: unknown): string {
  const stack = error instanceof Error ? error.stack : undefined
  return stack?.slice(0, MAX_STACK_CHARACTERS) ?? 'something that is not an Error was thrown'
}

function placeOf(stack: string): string {
  return stack.split('\n').find((line) => line.startsWith('    at ')) ?? stack
}
