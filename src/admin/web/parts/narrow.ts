/** Whether the page is as narrow as a telephone; the style sheet has the same bound. */
import { signal } from '@preact/signals'

const query = matchMedia('(max-width: 760px)')
export const isNarrow = signal(query.matches)
query.addEventListener('change', ({ matches }) => {
  isNarrow.value = matches
})
