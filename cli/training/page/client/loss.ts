/** The figure of the page: what is made small. */
import type { Curve } from '../../../../training/record/bins.ts'
import { chart, type Line } from './chart.ts'
import type { Figures } from './figures.ts'
import { precise } from './numbers.ts'

export const trainingLine = (steps: readonly number[], { mean, low, high }: Curve, label = 'training'): Line => ({
  label,
  colour: 'var(--train)',
  steps,
  values: mean,
  low,
  high,
  isNoisy: true,
})

export const validationLine = (steps: readonly number[], values: readonly (number | null)[]): Line => ({
  label: 'validation',
  colour: 'var(--valid)',
  steps,
  values,
  hasDots: true,
})

export function lossFigure(figures: Figures): HTMLElement {
  const {
    report: { curves, validations, done },
    width,
  } = figures
  const lines = [
    trainingLine(curves.steps, curves.loss),
    ...(validations.steps.length === 0 ? [] : [{ ...validationLine(validations.steps, validations.loss), hasBest: true }]),
  ]
  return chart(
    {
      title: 'Loss',
      lines,
      width,
      height: Math.max(220, Math.min(360, width * 0.32)),
      last: done,
      show: precise,
      hasLabels: true,
      kind: 'hero',
    },
    figures,
  )
}
