/** A long list of rows of equal height; only the visible rows are in the document. */

import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** Rows rendered above and below the visible part. */
const MARGIN = 6

/** The position of a row: to be spread over its element. */
export interface RowPlace {
  readonly style: { readonly top: string; readonly height: string }
  readonly role: 'listitem'
  readonly 'aria-setsize': number
  readonly 'aria-posinset': number
}

interface VirtualListProps<Row> {
  readonly rows: readonly Row[]
  /** Height of every row, CSS pixels. */
  readonly rowHeight: number
  readonly label: string
  readonly render: (row: Row, place: RowPlace) => ComponentChildren
}

export function VirtualList<Row>({ rows, rowHeight, label, render }: VirtualListProps<Row>) {
  const view = useRef<HTMLDivElement>(null)
  const [window, setWindow] = useState({ top: 0, height: 720 })
  useLayoutEffect(() => {
    const element = view.current
    if (element === null) return
    const measure = () => setWindow({ top: element.scrollTop, height: element.clientHeight })
    measure()
    element.addEventListener('scroll', measure, { passive: true })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => {
      element.removeEventListener('scroll', measure)
      observer.disconnect()
    }
  }, [])
  const first = Math.max(0, Math.floor(window.top / rowHeight) - MARGIN)
  const last = Math.min(rows.length, Math.ceil((window.top + window.height) / rowHeight) + MARGIN)
  return (
    <div class="scroll" ref={view} tabIndex={0} role="list" aria-label={label}>
      <div style={{ height: `${rows.length * rowHeight}px`, position: 'relative' }} role="presentation">
        {rows.slice(first, last).map((row, index) =>
          render(row, {
            style: { top: `${(first + index) * rowHeight}px`, height: `${rowHeight}px` },
            role: 'listitem',
            'aria-setsize': rows.length,
            'aria-posinset': first + index + 1,
          }),
        )}
      </div>
    </div>
  )
}
