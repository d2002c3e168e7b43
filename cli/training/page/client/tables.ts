/** The numbers of the figures as text, for those who do not see them and those who copy. */
import type { LayerHistory, TrainingReport } from '../../../../training/record/report.ts'
import { html, table } from '../../../routing/page/client/dom.ts'
import { fixed, grouped } from '../../../routing/page/client/numbers.ts'
import { compact } from './numbers.ts'

/** Made when it is opened first. */
function unfold(title: string, make: () => HTMLElement): HTMLElement {
  const details = html('details', {}, html('summary', {}, title))
  details.addEventListener('toggle', () => details.append(make()), { once: true })
  return details
}

function curves({
  curves: { steps, loss, losses, metrics, learningRate: rate, gradientNorm: norm, throughput },
}: TrainingReport): HTMLElement {
  const columns = [
    ['loss', loss],
    ...Object.entries(losses),
    ...Object.entries(metrics),
    ['rate', rate],
    ['norm', norm],
    ['throughput', throughput],
  ] as const
  return table(
    'Means over the steps up to the one named, after the row before.',
    ['step', ...columns.map(([name]) => name)],
    steps.map((step, at) => [grouped(step), ...columns.map(([, { mean }]) => compact(mean[at]))]),
  )
}

function validations({ validations: { steps, loss, losses, metrics } }: TrainingReport): HTMLElement {
  const columns = [['loss', loss], ...Object.entries(losses), ...Object.entries(metrics)] as const
  return table(
    'On the examples set aside.',
    ['step', ...columns.map(([name]) => name)],
    steps.map((step, at) => [grouped(step), ...columns.map(([, values]) => compact(values[at]))]),
  )
}

const columns: readonly (readonly [string, (layer: LayerHistory, at: number) => string])[] = [
  ['CV', ({ cv }, at) => fixed(cv[at], 3)],
  ['MaxVio', ({ maxVio }, at) => fixed(maxVio[at], 3)],
  ['allocation entropy', ({ allocationEntropy }, at) => fixed(allocationEntropy[at], 3)],
  ['weight entropy', ({ weightEntropy }, at) => fixed(weightEntropy[at], 3)],
  ['dropped', ({ dropped }, at) => grouped(dropped[at])],
  ['load', ({ load }, at) => (load[at] ?? []).join(' ')],
]

function layerTable(layer: LayerHistory, { routing: { steps } }: TrainingReport): HTMLElement {
  return table(
    `${layer.layer}, over the steps up to the one named, after the row before.`,
    ['step', ...columns.map(([name]) => name)],
    steps.map((step, at) => [grouped(step), ...columns.map(([, cell]) => cell(layer, at))]),
  )
}

function probeTable({ routing: { probes, layers } }: TrainingReport): HTMLElement {
  const head = ['step', ...layers.flatMap(({ layer }) => [`${layer} set`, `${layer} first`])]
  return table(
    'Change since the probe before.',
    head,
    probes.map((step, at) => [
      grouped(step),
      ...layers.flatMap(({ changeSet, changeTop1 }) => [fixed(changeSet[at], 3), fixed(changeTop1[at], 3)]),
    ]),
  )
}

export function tables(report: TrainingReport): HTMLElement {
  const {
    validations: { steps },
    routing: { layers, probes },
  } = report
  return html(
    'section',
    { class: 'tables' },
    unfold('Losses, metrics and rates as a table', () => curves(report)),
    steps.length === 0 ? null : unfold('Validation as a table', () => validations(report)),
    layers.length === 0
      ? null
      : unfold('Routing as tables, a layer each', () => html('div', {}, ...layers.map((layer) => layerTable(layer, report)))),
    probes.length === 0 ? null : unfold('Change rate as a table', () => probeTable(report)),
  )
}
