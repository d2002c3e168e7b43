/** From numbers to places. */

export interface Scale {
  readonly low: number
  readonly high: number
  readonly at: (value: number) => number
}

export function scale(low: number, high: number, from: number, to: number): Scale {
  const range = high === low ? 1 : high - low
  return { low, high, at: (value) => from + ((value - low) / range) * (to - from) }
}

/** Round numbers within a range, about so many. */
export function ticks(low: number, high: number, count: number): readonly number[] {
  if (!(high > low)) return [low]
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10) * power
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  )
}

/** Whole numbers alone. */
export const stepTicks = (last: number, width: number): readonly number[] =>
  ticks(0, last, Math.max(3, width / 110)).filter(Number.isInteger)

/** Index of the entry nearest to a value in ascending ones. */
export function nearest(values: readonly number[], wanted: number): number {
  let [low, high] = [0, values.length - 1]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (values[middle] <= wanted) low = middle
    else high = middle
  }
  return Math.abs(values[high] - wanted) < Math.abs(values[low] - wanted) ? high : low
}
