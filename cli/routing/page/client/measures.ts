/** The bars beside the heat map: one measure a column. */
import type { LayerReport } from '../../../../runtime/routing/report.ts'
import { ceiling, fixed } from './numbers.ts'
import type { State } from './state.ts'

export interface Measure {
  readonly title: string
  readonly doc: string
  readonly of: (layer: LayerReport) => number | null
  readonly show: (value: number | null) => string
  /** The end of the axis. */
  readonly end: (values: readonly number[]) => number
}

const real = {
  show: (value: number | null): string => fixed(value),
  end: (values: readonly number[]): number => ceiling(Math.max(0, ...values)),
}
const share = { ...real, end: (): number => 1 }
const count = { ...real, show: (value: number | null): string => String(value ?? '–') }

const always: readonly Measure[] = [
  { title: 'CV', doc: 'Deviation of the load over its mean: 0 is even.', of: (layer) => layer.cv, ...real },
  { title: 'MaxVio', doc: 'How far the busiest expert is over an even share.', of: (layer) => layer.maxVio, ...real },
  { title: 'entropy', doc: 'Of the load, over its largest value: 1 is even.', of: (layer) => layer.allocationEntropy, ...share },
]

const sometimes: readonly Measure[] = [
  {
    title: 'load collapse',
    doc: 'Of the way from random choices to all tokens at the same experts.',
    of: (layer) => layer.loadCollapse.level,
    ...share,
  },
  { title: 'dead', doc: 'Experts without a token.', of: (layer) => layer.dead.length, ...count },
  { title: 'dropped', doc: 'Assignments that no expert computes.', of: (layer) => layer.dropped, ...count },
  {
    title: 'out of balance',
    doc: 'Experts whose load lies outside of what the model requires with `balanced within`.',
    of: (layer) => layer.balance?.outside.length ?? null,
    ...count,
  },
  {
    title: 'changed',
    doc: 'Share of the experts that are not those of the record compared with.',
    of: (layer) => layer.against?.changeSet ?? null,
    ...share,
  },
]

/** Those that have something to say in these reports. */
export const measuresOf = ({ reports }: State): readonly Measure[] => [
  ...always,
  ...sometimes.filter(({ of }) => reports.some(({ layers }) => layers.some((layer) => (of(layer) ?? 0) > 0))),
]
