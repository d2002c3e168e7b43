/** The terms of the loss one by one, the metrics, and what steers the run. */
import { reportOf } from '../../../../plan/output-role.ts'
import type { Curve } from '../../../../training/record/bins.ts'
import { html } from '../../../routing/page/client/dom.ts'
import { chart, type Chart, type Line } from './chart.ts'
import type { Figures } from './figures.ts'
import { trainingLine, validationLine } from './loss.ts'
import { compact, precise } from './numbers.ts'

type Named<T> = Readonly<Record<string, T>>

/** Columns of small figures, all of one width. */
export function gridOf(figures: Figures, least: number, made: readonly ((width: number) => HTMLElement)[]): HTMLElement {
  const [gap, room] = [28, Math.min(least, figures.width)]
  const columns = Math.max(1, Math.floor((figures.width + gap) / (room + gap)))
  const width = Math.floor((figures.width - gap * (columns - 1)) / columns)
  const grid = html('div', { class: 'charts' }, ...made.map((make) => make(width)))
  grid.style.setProperty('--least', `${room}px`)
  return grid
}

/** `loss.cross_entropy` -> `cross entropy`, `loss.layers.0.moe.router.balance` -> `balance, layers.0.moe` */
function titleOf(name: string): string {
  const { path, term } = reportOf(name)
  return `${term.replaceAll('_', ' ')}${path === '' ? '' : `, ${path.replace(/\.router$/, '')}`}`
}

/** Those of the model first, then those of its routers. */
const inOrder = (names: readonly string[]): readonly string[] => [
  ...names.filter((name) => reportOf(name).path === ''),
  ...names.filter((name) => reportOf(name).path !== ''),
]

function both(
  name: string,
  trained: Named<Curve>,
  validated: Named<readonly (number | null)[]>,
  { report: { curves, validations } }: Figures,
): readonly Line[] {
  return [
    ...(Object.hasOwn(trained, name) ? [trainingLine(curves.steps, trained[name])] : []),
    ...(Object.hasOwn(validated, name) ? [validationLine(validations.steps, validated[name])] : []),
  ]
}

const unique = (...records: readonly Named<unknown>[]): readonly string[] => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
]

export function smallCharts(figures: Figures): HTMLElement {
  const {
    report: { curves, validations, done, unit },
  } = figures
  const terms = inOrder(unique(curves.losses, validations.losses))
  const one =
    (title: string, lines: readonly Line[], more: Partial<Chart> = {}) =>
    (width: number): HTMLElement =>
      chart({ title, lines, width, height: 150, last: done, show: compact, ...more }, figures)
  const steering = (title: string, curve: Curve, more: Partial<Chart> = {}) =>
    one(title, [{ ...trainingLine(curves.steps, curve, title), colour: 'var(--bar)' }], more)
  return gridOf(figures, 280, [
    // one term alone is the loss itself
    ...(terms.length < 2
      ? []
      : terms.map((name) => one(titleOf(name), both(name, curves.losses, validations.losses, figures), { show: precise }))),
    ...unique(curves.metrics, validations.metrics).map((name) =>
      one(titleOf(name), both(name, curves.metrics, validations.metrics, figures), { show: precise }),
    ),
    one(
      'learning rate',
      [{ label: 'learning rate', colour: 'var(--bar)', steps: curves.steps, values: curves.learningRate.mean }],
      {
        from: 0,
      },
    ),
    steering('norm of the gradients', curves.gradientNorm, { from: 0 }),
    steering(`${unit}s a second`, curves.throughput, { from: 0 }),
  ])
}
