/** Parses numbers in the cells of a table. */

/** The decimal separator. */
export type Decimal = 'point' | 'comma'

const NUMBERS: { readonly [D in Decimal]: RegExp } = {
  point: /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i,
  comma: /^[+-]?(?:\d+,?\d*|,\d+)(?:e[+-]?\d+)?$/i,
}

export const isNumber = (cell: string, decimal: Decimal): boolean => NUMBERS[decimal].test(cell.trim())

/** The cell as f32, or the problem with it: `is empty`. */
export function readNumber(cell: string, decimal: Decimal): number | string {
  const text = cell.trim()
  const isKnown = NUMBERS[decimal].test(text)
  const value = isKnown ? Number(decimal === 'comma' ? text.replace(',', '.') : text) : NaN
  if (Number.isFinite(Math.fround(value))) return value
  if (text === '') return 'is empty'
  if (isKnown || /^[+-]?(?:nan|inf(?:inity)?)$/i.test(text)) return `is ${text}, which is not finite in f32`
  const other = decimal === 'comma' ? 'point' : 'comma'
  return `is ${JSON.stringify(text.slice(0, 40))}, not a number${isNumber(text, other) ? ` with a decimal ${decimal}; --decimal ${other} reads it` : ''}`
}
