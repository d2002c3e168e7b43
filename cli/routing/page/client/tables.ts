/** Every number of the figures as text, for those who do not see them and those who copy. */
import type { LayerReport } from '../../../../runtime/routing/report.ts'
import { html, table } from './dom.ts'
import { fixed, grouped } from './numbers.ts'
import { letter, type State } from './state.ts'

type Column = readonly [title: string, cell: (layer: LayerReport) => string]

const columns: readonly Column[] = [
  ['experts', ({ experts }) => String(experts)],
  ['tokens', ({ tokens }) => grouped(tokens)],
  ['slots a token', ({ k }) => String(k)],
  ['kept', ({ kept }) => grouped(kept)],
  ['dropped', ({ dropped }) => grouped(dropped)],
  ['dead', ({ dead }) => String(dead.length)],
  ['CV', ({ cv }) => fixed(cv, 3)],
  ['CV²', ({ cvSquared }) => fixed(cvSquared, 3)],
  ['MaxVio', ({ maxVio }) => fixed(maxVio, 3)],
  ['allocation entropy', ({ allocationEntropy }) => fixed(allocationEntropy, 3)],
  ['effective experts', ({ loadCollapse: { effective } }) => fixed(effective, 2)],
  ['where random', ({ loadCollapse: { random } }) => fixed(random, 2)],
  ['load', ({ loadCollapse: { verdict } }) => verdict],
  ['weight entropy', ({ weightEntropy }) => fixed(weightEntropy, 3)],
  ['margin', ({ margin }) => fixed(margin?.value ?? null, 3)],
  ['collapse', ({ collapse }) => collapse.map(({ pearson }) => fixed(pearson, 3)).join(', ') || '–'],
  ['random rows', ({ collapse }) => collapse.map(({ random }) => fixed(random?.pearson.mean ?? null, 3)).join(', ') || '–'],
  ['router', ({ collapse }) => collapse.map(({ verdict }) => verdict).join(', ') || '–'],
]

const required: readonly Column[] = [
  ['required within', ({ balance }) => (balance === null ? '–' : `${balance.within}%`)],
  ['farthest', ({ balance }) => (balance?.farthest == null ? '–' : `${fixed(balance.farthest.percent, 1)}%`)],
  ['out of balance', ({ balance }) => (balance === null ? '–' : String(balance.outside.length))],
]

const compared: readonly Column[] = [
  ['change, top 1', ({ against }) => fixed(against?.changeTop1 ?? null, 3)],
  ['change, set', ({ against }) => fixed(against?.changeSet ?? null, 3)],
  ['overlap', ({ against }) => fixed(against?.overlap ?? null, 3)],
]

const rowsOf = <R>({ reports, labels }: State, row: (layer: LayerReport) => R): readonly (readonly [string, R])[] =>
  labels.labels.flatMap((label, at) =>
    reports.map(({ layers }, report) => [reports.length === 1 ? label : `${label} ${letter(report)}`, row(layers[at])] as const),
  )

function measures(state: State): HTMLElement {
  const isRequired = state.reports.some(({ layers }) => layers.some(({ balance }) => balance !== null))
  const used = [
    ...columns,
    ...(isRequired ? required : []),
    ...(state.reports.some(({ against }) => against !== null) ? compared : []),
  ]
  const rows = rowsOf(state, (layer) => used.map(([, cell]) => cell(layer)))
  return table(
    'A dash where a measure has no meaning.',
    ['layer', ...used.map(([title]) => title)],
    rows.map(([label, cells]) => [label, ...cells]),
  )
}

function loads(state: State): HTMLElement {
  const experts = Math.max(...state.reports[0].layers.map((layer) => layer.experts))
  const rows = rowsOf(state, ({ load }) => load.map(String))
  return table(
    'Assignments that each expert computes; 0 is a dead expert.',
    ['layer', ...Array.from({ length: experts }, (_, expert) => String(expert))],
    rows.map(([label, cells]) => [label, ...cells]),
  )
}

/** Made when it is opened first: a table of 16,384 cells takes a while. */
function unfold(title: string, make: () => HTMLElement): HTMLElement {
  const details = html('details', {}, html('summary', {}, title))
  details.addEventListener('toggle', () => details.append(make()), { once: true })
  return details
}

export const tables = (state: State): HTMLElement =>
  html(
    'section',
    { class: 'tables' },
    unfold('Every measure as a table', () => measures(state)),
    unfold('The load of every expert as a table', () => loads(state)),
  )
