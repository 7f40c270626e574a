/** Mistakes in the configuration. */
export const configurationTexts = {} as const
