/** Actions of the page: run one, and say how it went. */
import { post, Refusal } from './api-client.ts'
import { t } from './i18n.ts'
import { tell } from './state.ts'

/** Posts to the API and shows the outcome. */
export async function act(path: string, body?: unknown): Promise<void> {
  try {
    await post(path, body)
    tell(t('action.done'))
  } catch (error) {
    tell(t('action.failed', { reason: reasonOf(error) }))
  }
}

/** Why a call failed, for the reader. */
export function reasonOf(error: unknown): string {
  return error instanceof Refusal ? error.message : t('action.unreachable')
}

export async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text)
  tell(t('copied'))
}
