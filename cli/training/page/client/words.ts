/** Sentences of the page. */
import type { TrainingReport } from '../../../../training/record/report.ts'
import { grouped } from '../../../routing/page/client/numbers.ts'
import { compact, precise, time } from './numbers.ts'

const count = (value: number, one: string): string => `${grouped(value)} ${one}${value === 1 ? '' : 's'}`

/** `1 000 of 2 000 steps of 2 048 tokens in 3 min 12 s (10 654 tokens a second) on llvmpipe; 412 000 parameters, seed 1.` */
export function describe({
  steps,
  done,
  state,
  items,
  unit,
  seconds,
  adapter,
  parameters,
  seed,
  resumed,
  training,
  epochs,
}: TrainingReport): string {
  const many = done === steps ? count(steps, 'step') : `${grouped(done)} of ${count(steps, 'step')}`
  const throughput = seconds > 0 ? ` (${compact((items * done) / seconds)} ${unit}s a second, all told)` : ''
  const ended = state === 'running' ? ', not at its end' : state === 'stopped' ? ', then stopped' : ''
  const again = resumed === 0 ? '' : `, resumed ${resumed === 1 ? 'once' : `${resumed} times`}`
  return `${many} of ${count(items, unit)} each in ${time(seconds)}${throughput}${ended}${again}, on ${adapter}. ${count(parameters, 'parameter')}; seed ${seed}; ${compact(epochs)} passes over ${training.name}.`
}

const ends = (values: readonly (number | null)[]): readonly [number | null, number | null] => [
  values.find((value) => value !== null) ?? null,
  values.findLast((value) => value !== null) ?? null,
]

function lossWords({ curves: { loss }, validations: { loss: validated, steps } }: TrainingReport): string {
  const [first, last] = ends(loss.mean)
  if (first === null) return 'No step is done yet.'
  const training = `The loss went from ${precise(first)} to ${precise(last)}`
  if (validated.length === 0) return `${training}.`
  const least = Math.min(...validated)
  return `${training}, that of the examples set aside from ${precise(validated[0])} to ${precise(validated[validated.length - 1])}, its least ${precise(least)} at step ${grouped(steps[validated.indexOf(least)])}.`
}

function routingWords({ routing: { layers } }: TrainingReport): string {
  const last = layers.flatMap(({ load }) => load.slice(-1))
  if (last.length === 0) return ''
  const [all, idle] = [last.flat().length, last.flat().filter((load) => load === 0).length]
  return idle === 0
    ? ` At the end all ${grouped(all)} experts are busy.`
    : ` At the end ${grouped(idle)} of ${count(all, 'expert')} ${idle === 1 ? 'is' : 'are'} dead.`
}

export const summary = (report: TrainingReport): string => lossWords(report) + routingWords(report)
