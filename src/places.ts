/**
 * Whether two spellings name the same place. Vendors write "河南省商丘市", "Jiangsu", "CN" or "日本"; clients ask in their own
 * script: a country by ISO 3166-1 code, English or Chinese name, a province or city by its Chinese name or in pinyin.
 * Names of countries are those of Unicode CLDR, which Node carries; pinyin comes from the package pinyin-pro.
 */
import { createRequire } from 'node:module'
import type { pinyin as Pinyin } from 'pinyin-pro'
import { GenerationalCache } from './structures/generational-cache.ts'

const HAN = /\p{Script=Han}/u
/** What follows the name of a province, city or county. Without 州, which belongs to the names of many cities (广州). */
const KIND_OF_PLACE = /特别行政区|自治[区州县旗]|地区|[省市区县盟旗]/u
/** 陕西 and 山西 differ by tone alone: the official spelling of 陕西 has two a. */
const SHAANXI = ['shaan', 'xi']
/** Places that were compared recently; two generations of them. */
const MAX_REMEMBERED = 2_000

const WORD_START = /(?<=[^\p{L}])(?=\p{L})/u

let codes: ReadonlyMap<string, string> | undefined

/** The ISO 3166-1 alpha-2 code of a country by code, English or Chinese name, in capitals; undefined for anything else. */
function countryCode(text: string): string | undefined {
  codes ??= countryCodes()
  return codes.get(text.toLowerCase())
}

/** @param wish as the client wrote it */
export function isSameCountry(fact: string, wish: string): boolean {
  if (fact.toLowerCase() === wish.toLowerCase()) return true
  const code = countryCode(wish)
  return code !== undefined && code === countryCode(fact)
}

/** Every name in lower case, and every code. Of two codes with one name (UK, GB) the first in the alphabet counts. */
function countryCodes(): ReadonlyMap<string, string> {
  const names = (['en', 'zh-Hans', 'zh-Hant'] as const).flatMap((locale) =>
    (['short', 'long'] as const).map(
      (style) => new Intl.DisplayNames([locale], { type: 'region', style, fallback: 'none' }),
    ),
  )
  const all = new Map<string, string>()
  for (let n = 0; n < 26 * 26; n++) {
    const code = String.fromCharCode(65 + Math.floor(n / 26), 65 + (n % 26))
    const own = names.flatMap((display) => display.of(code)?.toLowerCase() ?? [])
    const same = own.map((name) => all.get(name)).find((known) => known !== undefined) ?? code
    for (const name of own) if (!all.has(name)) all.set(name, same)
    if (own.length > 0) all.set(code.toLowerCase(), same)
  }
  return all
}

/** Whether a fact, as in "河南省商丘市" or "Henan", holds the place that a client asks for. */
export function holdsPlace(fact: string, wish: string): boolean {
  const [place, wanted] = [fact.toLowerCase(), wish.toLowerCase()]
  if (place.includes(wanted)) return true
  if (HAN.test(place) === HAN.test(wanted)) return false
  if (HAN.test(place)) return syllablesOf(place).some((name) => holdsRun(name, latin(wanted)))
  return syllablesOf(wanted).some((name) => beginsWord(place, name.join('')))
}

/** Whether some word of a text, with what follows it, begins so: "Shang Qiu" with "shangqiu". */
function beginsWord(text: string, spelling: string): boolean {
  return (
    spelling !== '' &&
    text.split(WORD_START).some((_, at, words) => latin(words.slice(at).join('')).startsWith(spelling))
  )
}

/** Whether some syllables in a row are spelt so. */
function holdsRun(syllables: readonly string[], spelling: string): boolean {
  return syllables.some((_, from) => {
    let text = ''
    for (let at = from; at < syllables.length && text.length < spelling.length; at++) text += syllables[at]
    return text === spelling
  })
}

/** Pinyin as people type it: without tones, spaces, hyphens and apostrophes, ü as v. */
function latin(text: string): string {
  return text.replaceAll('ü', 'v').replace(/[\s'’-]/g, '')
}

const known = new GenerationalCache<readonly (readonly string[])[]>(MAX_REMEMBERED)

/** Each name in a Chinese text, without the kind of place, in syllables. */
function syllablesOf(text: string): readonly (readonly string[])[] {
  const before = known.get(text)
  if (before !== undefined) return before
  const names = text
    .split(KIND_OF_PLACE)
    .filter((name) => name !== '')
    .map((name) => (name.startsWith('陕西') ? [...SHAANXI, ...toPinyin(name.slice(2))] : toPinyin(name)))
  known.set(text, names)
  return names
}

let convert: typeof Pinyin | undefined

/** Loads the package at the first use: it takes 0.1 s and 30 MB, and most gateways never need it. */
function toPinyin(name: string): readonly string[] {
  if (name === '') return []
  convert ??= (createRequire(import.meta.url)('pinyin-pro') as { pinyin: typeof Pinyin }).pinyin
  return convert(name, { toneType: 'none', type: 'array', v: true })
}
