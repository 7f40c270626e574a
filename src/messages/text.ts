/** One message in every language of Turnpike. `{name}` stands for a parameter. */
export interface Text {
  readonly en: string
  readonly zh: string
}

export type Language = keyof Text
