/** The page: header, verdict, and one view at a time, chosen by the fragment of the address. */
import { effect, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { askForToken, takeTokenOfAddress, tokenRequest } from './api-client.ts'
import { language, switchLanguage, switchTheme, t, theme } from './i18n.ts'
import iconUrl from './icon.svg'
import { Verdict, VerdictLine } from './parts/verdict.tsx'
import { gateway, link, toast, verdict } from './state.ts'
import { ApiView } from './views/api.tsx'
import { ConfigurationView } from './views/configuration.tsx'
import { ConnectionsView } from './views/connections.tsx'
import { Overview } from './views/overview.tsx'
import { PoolView } from './views/pool.tsx'
import { SessionsView } from './views/sessions.tsx'
import { TryView } from './views/try.tsx'

const views = {
  overview: Overview,
  pool: PoolView,
  connections: ConnectionsView,
  sessions: SessionsView,
  try: TryView,
  configuration: ConfigurationView,
  api: ApiView,
} as const

type ViewName = keyof typeof views

const viewNames = Object.keys(views) as ViewName[]

const viewOfAddress = (): ViewName => viewNames.find((name) => location.hash === `#/${name}`) ?? 'overview'
takeTokenOfAddress()
const view = signal(viewOfAddress())
addEventListener('hashchange', () => {
  takeTokenOfAddress()
  view.value = viewOfAddress()
})

// The title shows a problem while the page is behind another tab.
effect(() => {
  const problems = (verdict.value?.findings ?? []).filter(({ level }) => level === 'critical' || level === 'warning')
  document.title = `${problems.length === 0 ? '' : `(${problems.length}) `}${t(`nav.${view.value}`)} · Turnpike`
})

export function App() {
  const main = useRef<HTMLElement>(null)
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t('nav.skip')}
      </button>
      <Header />
      <main ref={main} tabIndex={-1}>
        <Content />
      </main>
      <TokenDialog />
      <output class={toast.value === undefined ? 'visually-hidden' : `toast ${toast.value.tone}`}>
        {toast.value?.message}
      </output>
    </>
  )
}

function Content() {
  const View = views[view.value]
  if (link.value === 'locked') return <Locked />
  const isLost = link.value === 'lost'
  return (
    <>
      {isLost ? (
        <p class="banner" role="alert">
          {t(gateway.value === undefined ? 'page.failed' : 'page.lost')}
        </p>
      ) : null}
      <div class={isLost ? 'stale' : ''}>
        {isLost ? null : view.value === 'overview' ? <Verdict /> : <VerdictLine />}
        <View />
      </div>
    </>
  )
}

/** The port can be reached from other machines, and the operator has not entered the token. */
function Locked() {
  return (
    <section class="card empty" aria-labelledby="locked">
      <h2 id="locked">{t('link.locked')}</h2>
      <p>{t('token.reading')}</p>
      <button type="button" class="main" onClick={() => void askForToken()}>
        {t('token.enter')}
      </button>
    </section>
  )
}

function Header() {
  const other = language.value === 'zh' ? 'en' : 'zh'
  return (
    <>
      <header class="top">
        <h1 class="brand">
          <img src={iconUrl} alt="" />
          Turnpike
        </h1>
        <span class={`live ${link.value === 'live' ? 'on' : link.value === 'lost' ? 'off' : ''}`} role="status">
          {t(`link.${link.value}`)}
        </span>
        <span class="soft small">{gateway.value?.version}</span>
        <span class="space" />
        <button type="button" class="quiet" onClick={switchLanguage} lang={other} data-language>
          {other === 'zh' ? '中文' : 'English'}
        </button>
        <button type="button" class="quiet" onClick={switchTheme} aria-label={t('theme.switch')} data-theme-switch>
          {theme.value === 'dark' ? '☀' : '☾'}
        </button>
      </header>
      <nav aria-label={t('nav.label')}>
        {viewNames.map((name) => (
          <a key={name} href={`#/${name}`} {...(view.value === name ? { 'aria-current': 'page' as const } : {})}>
            {t(`nav.${name}`)}
          </a>
        ))}
      </nav>
    </>
  )
}

function TokenDialog() {
  const request = tokenRequest.value
  const dialog = useRef<HTMLDialogElement>(null)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (request === undefined) dialog.current?.close()
    else if (dialog.current?.open === false) {
      dialog.current.showModal()
      // What is typed replaces a token that was refused.
      input.current?.select()
    }
  }, [request])
  return (
    <dialog ref={dialog} aria-labelledby="token" onCancel={() => request?.done()}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          request?.done(input.current?.value)
        }}
      >
        <h2 id="token">{t('token.title')}</h2>
        <p>{t('token.why')}</p>
        {request?.isWrong ? (
          <p class="banner" role="alert">
            {t('token.wrong')}
          </p>
        ) : null}
        <label>
          {t('token.input')}
          <input ref={input} type="password" required autocomplete="off" />
        </label>
        <div class="row end">
          <button type="button" onClick={() => request?.done()}>
            {t('token.cancel')}
          </button>
          <button type="submit" class="main">
            {t('token.save')}
          </button>
        </div>
      </form>
    </dialog>
  )
}
