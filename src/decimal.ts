/**
 * A number of decimal digits alone, without sign, spaces or another notation. In headers and addresses `Number` accepts too much.
 * @param maxDigits at most 15: then the number is exact
 * @returns undefined for any other text
 */
export function parseDecimal(text: string, maxDigits: number): number | undefined {
  if (text.length === 0 || text.length > maxDigits) return undefined
  let number = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return number
}
