/** One message in every language of Turnpike. `{name}` stands for a parameter. */
export interface Text {
  readonly en: string
  readonly zh: string
}

export type Language = keyof Text

/** The values for `{name}` in a text. */
export type TextParams = Readonly<Record<string, string | number>>

/** @param params a missing name leaves `{name}` in the text */
export function fill(text: string, params: TextParams = {}): string {
  return text.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(params, name) ? String(params[name]) : placeholder,
  )
}
