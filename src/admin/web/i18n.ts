/** Language and theme of the page: the reader's last choice, else the browser's. */
import { effect, signal } from '@preact/signals'
import { type PageText, pageTexts } from '../../messages/page.ts'
import { chineseSentence } from '../../messages/recognise.ts'
import { fill, type Language } from '../../messages/text.ts'

type Theme = 'light' | 'dark'

const stored = (key: string): string | null => {
  try {
    return localStorage.getItem(key)
  } catch {
    return null // storage is blocked: the choice lasts until the page is closed
  }
}

const store = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value)
  } catch {
    // storage is blocked
  }
}

const chosenLanguage = stored('turnpike.language')
const systemTheme = matchMedia('(prefers-color-scheme: dark)')
const chosenTheme = stored('turnpike.theme')

export const language = signal<Language>(
  chosenLanguage === 'en' || chosenLanguage === 'zh'
    ? chosenLanguage
    : navigator.language.startsWith('zh')
      ? 'zh'
      : 'en',
)
export const theme = signal<Theme>(
  chosenTheme === 'light' || chosenTheme === 'dark' ? chosenTheme : systemTheme.matches ? 'dark' : 'light',
)

systemTheme.addEventListener('change', ({ matches }) => {
  if (stored('turnpike.theme') === null) theme.value = matches ? 'dark' : 'light'
})

effect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
})
effect(() => {
  document.documentElement.dataset['theme'] = theme.value
})

export function switchLanguage(): void {
  language.value = language.value === 'zh' ? 'en' : 'zh'
  store('turnpike.language', language.value)
}

export function switchTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  store('turnpike.theme', theme.value)
}

/** A text of the page in the reader's language. */
export function t(key: PageText, params?: Readonly<Record<string, string | number>>): string {
  return fill(pageTexts[key][language.value], params)
}

/** A sentence of the gateway (an error, a reason, a hint) in the reader's language; an unknown one stays in English. */
export function said(english: string): string {
  return language.value === 'zh' ? chineseSentence(english) : english
}
