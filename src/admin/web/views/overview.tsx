/** Providers, figures and plots in one view. */
import { type Signal, useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { t } from '../i18n.ts'
import { DirectCard } from '../parts/direct-card.tsx'
import { ProviderCard } from '../parts/provider-card.tsx'
import { Tiles } from '../parts/tiles.tsx'
import { gateway, providers } from '../state.ts'

export function Overview() {
  const plots: Signal<ComponentType | undefined> = useSignal(undefined)
  // The plot library is larger than the rest of the page: it is loaded after the first paint.
  useEffect(() => {
    void import('../parts/plots.tsx').then(({ Plots }) => {
      plots.value = Plots
    })
  }, [])
  const Plots = plots.value
  return (
    <>
      <Tiles />
      <section class="section" aria-labelledby="providers">
        <h2 id="providers">{t('providers.title')}</h2>
        {providers.value.length === 0 ? (
          <p class="empty card">{t(gateway.value === undefined ? 'page.loading' : 'providers.none')}</p>
        ) : (
          <div class="cards">
            {providers.value.map((report) => (
              <ProviderCard key={report.name} report={report} />
            ))}
            <DirectCard />
          </div>
        )}
      </section>
      <section class="section" aria-labelledby="plots">
        <h2 id="plots">{t('plot.title')}</h2>
        {Plots === undefined ? <p class="empty card">{t('page.loading')}</p> : <Plots />}
      </section>
    </>
  )
}
