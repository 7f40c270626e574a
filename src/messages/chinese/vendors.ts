/** Hints of vendors. */
export const vendorTexts = {} as const
