/** Percentile bootstrap over seeds. Efron, 1979. */
import { stream } from '../../training/random.ts'
import { mean } from './learn.ts'

/** The 95% interval of the mean from 10,000 resamples, always the same ones. */
export function bootstrap(values: readonly number[]): { readonly low: number; readonly high: number } {
  const numbers = stream(0, 'split', 'bootstrap')
  const means = Array.from({ length: 10_000 }, (_, sample) =>
    mean(values.map((__, at) => values[numbers.below(sample * values.length + at, values.length)])),
  ).sort((a, b) => a - b)
  return { low: means[250], high: means[9_749] }
}

/** `0.912 (0.908 to 0.915)`: the mean and its interval. */
export function meanText(values: readonly number[], digits: number): string {
  const { low, high } = bootstrap(values)
  return `${mean(values).toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`
}
