/** One message in every language of Turnpike. `{name}` stands for a parameter. */
export interface Text {
  readonly en: string
  readonly zh: string
}

export type Language = keyof Text

/** Replaces `{name}` by the parameter of that name. */
export function fill(text: string, params: Readonly<Record<string, string | number>> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole))
}
