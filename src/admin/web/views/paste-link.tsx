/** A vendor's extraction link, tested once: what was recognised, and the YAML for gateway.yaml. */
import { useSignal } from '@preact/signals'
import type { z } from 'zod'
import type { testSourceReply } from '../../api/schemas/vendor-calls.ts'
import { copy, reasonOf } from '../actions.ts'
import { post } from '../api-client.ts'
import { duration } from '../format.ts'
import { said, t } from '../i18n.ts'
import { FailureBanner } from '../parts/failure-banner.tsx'

type TestSourceReply = Readonly<z.infer<typeof testSourceReply>>

export function PasteLink() {
  const url = useSignal('')
  const reply = useSignal<TestSourceReply | string | undefined>(undefined)
  const isTesting = useSignal(false)
  const test = async (event: Event) => {
    event.preventDefault()
    if (isTesting.value) return
    isTesting.value = true
    try {
      reply.value = await post<TestSourceReply>('v1/test-source', { url: url.value.trim() })
    } catch (error) {
      reply.value = reasonOf(error)
    }
    isTesting.value = false
  }
  return (
    <section class="card" aria-labelledby="paste">
      <h2 id="paste">{t('paste.title')}</h2>
      <p class="soft small">{t('paste.why')}</p>
      <form onSubmit={test}>
        <label>
          {t('paste.link')}
          <input
            type="text"
            required
            value={url.value}
            autocomplete="off"
            onInput={({ currentTarget }) => (url.value = currentTarget.value)}
          />
        </label>
        <div class="row end" style={{ marginTop: '8px' }}>
          <span class="soft small">{t('paste.cost')}</span>
          <button type="submit" class="main" aria-disabled={isTesting.value}>
            {t('paste.test')}
          </button>
        </div>
      </form>
      <Found reply={reply.value} />
    </section>
  )
}

function Found({ reply }: { readonly reply: TestSourceReply | string | undefined }) {
  if (reply === undefined) return null
  if (typeof reply === 'string') return <FailureBanner reason={reply} />
  const { vendor, product, count, addresses, failure, yaml } = reply
  return (
    <div aria-live="polite">
      {failure === null ? (
        // Of an unknown vendor, the vendor and the product are both called "link".
        <h3>{t(vendor === 'link' ? 'paste.foundOther' : 'paste.found', { count, vendor, product })}</h3>
      ) : (
        <p class="banner" role="alert">
          {said(failure.words)} {failure.vendorCode} {said(failure.hint ?? '')}
        </p>
      )}
      <ul class="small">
        {addresses.map(({ address, protocol, lifeSeconds, area, isp }) => (
          <li key={address}>
            <span class="mono">
              {protocol}://{address}
            </span>{' '}
            {[lifeSeconds === null ? t('pool.endless') : duration(lifeSeconds), area, isp].filter(Boolean).join(' · ')}
          </li>
        ))}
      </ul>
      {yaml === null ? null : (
        <>
          <h3>{t('paste.yaml')}</h3>
          <pre tabIndex={0}>{yaml}</pre>
          <div class="row end" style={{ marginTop: '6px' }}>
            <button type="button" onClick={() => copy(yaml)}>
              {t('pool.copy')}
            </button>
          </div>
        </>
      )}
    </div>
  )
}
