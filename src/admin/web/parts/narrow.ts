/** Whether the page is too narrow for tables; the style sheet has the same bound. */
import { signal } from '@preact/signals'

const query = matchMedia('(max-width: 840px)')
export const isNarrow = signal(query.matches)
query.addEventListener('change', ({ matches }) => {
  isNarrow.value = matches
})
