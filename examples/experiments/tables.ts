/** What runs gave, as tables of the page and as curves. */
import { mean, spread, stepMs, type Learned } from './learn.ts'
import type { Point, Series } from './plot.ts'

/** Runs by the name of their routing, a run a seed; and how long a step of each kind takes. */
export type Runs = ReadonlyMap<string, readonly Learned[]>
export type Times = ReadonlyMap<string, readonly number[]>

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')
}

/** Mean milliseconds of a step. */
export const cost = (learned: readonly Learned[], times: readonly number[]): number =>
  mean(learned.map((one) => stepMs(one, times)))

/** The last look that each had in the time that the fastest took for all its steps, by their mean steps. */
export function equalTime(runs: Runs, times: Times, steps: number): string {
  const budget = Math.min(...[...runs].map(([name, learned]) => steps * cost(learned, times.get(name)!)))
  const rows = [...runs].map(([name, learned]) => {
    const inTime = Math.floor(budget / cost(learned, times.get(name)!))
    const then = learned.map(({ validations }) => validations.filter(({ step }) => step <= inTime).at(-1) ?? validations[0])
    return [
      name,
      String(inTime),
      spread(then.map(({ losses }) => mainLoss(losses))),
      spread(then.map(({ metrics }) => metrics['metric.accuracy'])),
    ]
  })
  return table(['routing', 'steps in that time', 'cross-entropy at the last look in it', 'accuracy'], rows)
}

/** The model's own loss, without what policies add. */
export const mainLoss = (losses: Readonly<Record<string, number>>): number => losses['loss.cross_entropy']

/** Cross-entropy of what was set aside, from the second look on, against steps or against seconds. */
export function curves(runs: Runs, times: Times, against: 'steps' | 'seconds'): readonly Series[] {
  return [...runs].map(([name, learned]) => {
    const points = learned[0].validations.slice(1).map(({ step }, at): Point => {
      const losses = learned.map(({ validations }) => mainLoss(validations[at + 1].losses))
      return {
        x: against === 'steps' ? step : (step * cost(learned, times.get(name)!)) / 1000,
        y: mean(losses),
        low: Math.min(...losses),
        high: Math.max(...losses),
      }
    })
    return { name, points }
  })
}
