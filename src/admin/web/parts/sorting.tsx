/** Tables whose rows are sorted by a column: the title with a button for each, and a choice on narrow pages, which show no title. */
import type { Signal } from '@preact/signals'
import type { PageText } from '../../../messages/page.ts'
import { t } from '../i18n.ts'

export interface Column<Row> {
  readonly label: PageText
  readonly isNumber?: boolean
  /** What rows are sorted by; null sorts last. Absent: not by this column. */
  readonly by?: (row: Row) => string | number | null
}

export interface Order {
  /** Place among the columns; undefined: as the rows come. */
  readonly column: number | undefined
  readonly isDescending: boolean
}

export const AS_THEY_COME: Order = { column: undefined, isDescending: false }

const collator = new Intl.Collator(undefined, { numeric: true })

export function sortRows<Row>(rows: Row[], columns: readonly Column<Row>[], { column, isDescending }: Order): Row[] {
  const by = column === undefined ? undefined : columns[column]?.by
  if (by === undefined) return rows
  const sign = isDescending ? -1 : 1
  return rows
    .map((row) => ({ row, value: by(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
      return sign * compare(a.value, b.value)
    })
    .map(({ row }) => row)
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
}

interface SortProps<Row> {
  readonly columns: readonly Column<Row>[]
  readonly order: Signal<Order>
}

/** Figures and times are first sorted from the largest down, words from A. */
function turned<Row>(columns: readonly Column<Row>[], order: Order, column: number): Order {
  if (order.column === column) return { column, isDescending: !order.isDescending }
  return { column, isDescending: columns[column]?.isNumber === true }
}

export function Title<Row>({ columns, order }: SortProps<Row>) {
  return (
    <div class="title" role="group" aria-label={t('sort.by')}>
      {columns.map(({ label, isNumber, by }, index) => {
        const isChosen = order.value.column === index
        const direction = isChosen ? (order.value.isDescending ? 'descending' : 'ascending') : undefined
        return (
          <span key={label} class={isNumber ? 'number' : ''}>
            {by === undefined ? (
              t(label)
            ) : (
              <button
                type="button"
                class="quiet"
                data-sort={label}
                onClick={() => (order.value = turned(columns, order.value, index))}
              >
                {t(label)}
                {direction === undefined ? null : (
                  <>
                    <span aria-hidden="true">{direction === 'descending' ? ' ↓' : ' ↑'}</span>
                    <span class="visually-hidden">, {t(`sort.${direction}`)}</span>
                  </>
                )}
              </button>
            )}
          </span>
        )
      })}
    </div>
  )
}

export function SortChoice<Row>({ columns, order }: SortProps<Row>) {
  return (
    <label class="narrow-only">
      {t('sort.by')}
      <select
        value={order.value.column ?? ''}
        onChange={({ currentTarget }) => {
          const { value } = currentTarget
          order.value = value === '' ? AS_THEY_COME : turned(columns, AS_THEY_COME, Number(value))
        }}
      >
        <option value="">–</option>
        {columns.map(({ label, by }, index) =>
          by === undefined ? null : (
            <option key={label} value={index}>
              {t(label)}
            </option>
          ),
        )}
      </select>
    </label>
  )
}
