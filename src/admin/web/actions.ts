/** Actions of the page: runs one, and shows the result. */
import { NEEDS_TOKEN, post, Refusal } from './api-client.ts'
import { said, t } from './i18n.ts'
import { tell } from './state.ts'

/** Posts to the API and shows the outcome. */
export async function act(path: string, body?: unknown): Promise<void> {
  try {
    await post(path, body)
    tell(t('action.done'))
  } catch (error) {
    tellFailure(error)
  }
}

/** Nothing when the operator has cancelled, and thus given no token. */
export function tellFailure(error: unknown): void {
  if (!(error instanceof Refusal && NEEDS_TOKEN.has(error.code)))
    tell(t('action.failed', { reason: reasonOf(error) }), 'bad')
}

/** Why a call failed, for the reader. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Refusal)) return t('action.unreachable')
  return error.code === 'ADMIN_TOKEN_REQUIRED' ? t('link.locked') : said(error.message)
}

export async function copy(text: string): Promise<void> {
  try {
    // Browsers offer the clipboard only to pages on loopback or over TLS.
    await (navigator.clipboard === undefined ? copySelected(text) : navigator.clipboard.writeText(text))
    tell(t('copied'))
  } catch {
    tell(t('copy.failed'), 'bad')
  }
}

/** For older browsers: selects the text in a hidden field, and copies the selection. */
function copySelected(text: string): void {
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'visually-hidden'
  document.body.append(field)
  field.select()
  const isCopied = document.execCommand('copy')
  field.remove()
  if (!isCopied) throw new Error('the browser did not copy')
}
