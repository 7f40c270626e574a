/** Traffic without an upstream, because a rule of routes says direct. */
import { count } from '../format.ts'
import { t } from '../i18n.ts'
import { counters, gateway } from '../state.ts'

/** Hidden when no rule says direct and nothing was opened directly: a reload may have removed the rules. */
export function DirectCard() {
  const rules = gateway.value?.directRules ?? 0
  const opened = counters.value?.openedDirect ?? 0
  if (rules === 0 && opened === 0) return null
  return (
    <article class="card direct" data-direct>
      <div class="head">
        <h3>{t('direct.title')}</h3>
      </div>
      <p class="small">{t('direct.why', { rules })}</p>
      <dl class="facts">
        <div>
          <dt>{t('direct.opened')}</dt>
          <dd>{count(opened)}</dd>
        </div>
      </dl>
    </article>
  )
}
