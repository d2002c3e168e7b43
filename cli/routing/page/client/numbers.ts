/** Numbers for readers. */

export const fixed = (value: number | null, digits = 2): string =>
  value === null ? '–' : value.toFixed(digits).replace('-', '−')

export const percent = (part: number): string => `${(100 * part).toFixed(part > 0 && part < 0.0995 ? 1 : 0)}\u00a0%`

export const grouped = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')

export const signed = (value: number | null, digits = 2): string =>
  value === null ? '–' : `${value > 0 ? '+' : ''}${fixed(value, digits)}`

/** A round number not below the value, for the end of an axis. */
export function ceiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power
}
