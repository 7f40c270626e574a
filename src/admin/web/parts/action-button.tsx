/** A button that posts to the API. It does nothing until the answer has arrived, and keeps the focus: a `disabled` button loses it. */
import { useSignal } from '@preact/signals'
import { act } from '../actions.ts'

interface ActionButtonProps {
  readonly label: string
  readonly path: string
  readonly body?: unknown
  /** Where the label is a sign: the words for it. */
  readonly action?: string
  /** The object of the action, for screen readers: `Evict 127.0.0.1:8000`. */
  readonly object?: string
  readonly isMain?: boolean
  readonly onDone?: () => void
}

export function ActionButton({ label, action = label, path, body, object, isMain = false, onDone }: ActionButtonProps) {
  const isRunning = useSignal(false)
  const run = async () => {
    if (isRunning.value) return
    isRunning.value = true
    await act(path, body)
    isRunning.value = false
    onDone?.()
  }
  return (
    <button
      type="button"
      class={isMain ? 'main' : ''}
      aria-disabled={isRunning.value}
      onClick={run}
      {...(object === undefined
        ? {}
        : { 'aria-label': `${action} ${object}`, ...(action === label ? {} : { title: action }) })}
    >
      {label}
    </button>
  )
}
