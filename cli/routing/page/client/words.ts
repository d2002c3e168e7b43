/** Sentences of the page. */
import type { LayerReport, RoutingReport } from '../../../../runtime/routing/report.ts'
import { isBalanced } from '../../balance.ts'
import { showDims } from '../../names.ts'
import { fixed, grouped, percent, signed } from './numbers.ts'
import { letter, relative, together, type State } from './state.ts'

const count = (value: number, one: string): string => `${grouped(value)} ${one}${value === 1 ? '' : 's'}`

const range = (values: readonly number[]): string => {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return least === most ? grouped(most) : `${grouped(least)} to ${grouped(most)}`
}

/** `48 tokens, each to 2 of 8 experts, in 2 layers; B = 2, S = 24; on llvmpipe` */
export function describe({ layers, adapter, dims, replayed }: RoutingReport): string {
  const each = `each to ${range(layers.map(({ k }) => k))} of ${range(layers.map(({ experts }) => experts))} experts`
  const tokens = `${range(layers.map((layer) => layer.tokens))} tokens, ${each}, in ${count(layers.length, 'layer')}`
  return [tokens, showDims(dims), `on ${adapter}`, replayed === null ? '' : `routes replayed from ${replayed}`]
    .filter((words) => words !== '')
    .join('; ')
}

/** What to look at first. */
export function summary({ reports, labels }: State, report: number): string {
  const { layers } = reports[report]
  const busiest = layers.reduce((best, layer, at) => ((layer.maxVio ?? -1) > (layers[best].maxVio ?? -1) ? at : best), 0)
  const { load, maxVio } = layers[busiest]
  const dead = layers.reduce((sum, layer) => sum + layer.dead.length, 0)
  const dropped = layers.reduce((sum, layer) => sum + layer.dropped, 0)
  const slots = layers.reduce((sum, layer) => sum + layer.kept + layer.dropped, 0)
  return [
    maxVio === null
      ? 'No token was routed.'
      : `The busiest is expert ${load.indexOf(Math.max(...load))} of layer ${labels.labels[busiest]}, with ${fixed(maxVio + 1)} times an even share.`,
    dead === 0
      ? 'No expert is dead.'
      : `${count(dead, 'expert')} of ${grouped(layers.reduce((sum, { experts }) => sum + experts, 0))} ${dead === 1 ? 'is' : 'are'} dead.`,
    dropped === 0
      ? 'No slot was dropped.'
      : `${count(dropped, 'slot')} of ${grouped(slots)} ${dropped === 1 ? 'was' : 'were'} dropped.`,
    ...collapseSummary(layers, labels.labels),
    ...balanceSummary(layers),
  ].join(' ')
}

const several = (words: readonly string[]): string =>
  words.length > 6 ? `${words.slice(0, 6).join(', ')} and ${words.length - 6} more` : words.join(', ')

/** Nothing where nothing has collapsed. */
function collapseSummary(layers: readonly LayerReport[], labels: readonly string[]): readonly string[] {
  const named = (has: (layer: LayerReport) => boolean): readonly string[] =>
    layers.flatMap((layer, at) => (has(layer) ? [labels[at]] : []))
  const [loads, routers] = [
    named(({ loadCollapse }) => loadCollapse.verdict === 'collapsed'),
    named(({ collapse }) => collapse.some(({ verdict }) => verdict === 'collapsed')),
  ]
  return [
    ...(loads.length === 0 ? [] : [`The load has COLLAPSED onto few experts in layer ${several(loads)}.`]),
    ...(routers.length === 0 ? [] : [`The rows of the router have COLLAPSED, most are alike, in layer ${several(routers)}.`]),
  ]
}

/** Nothing where no balance is required. */
function balanceSummary(layers: readonly LayerReport[]): readonly string[] {
  const required = layers.filter(({ balance }) => balance !== null)
  const missed = required.filter(({ balance }) => balance !== null && !isBalanced(balance))
  if (required.length === 0) return []
  return [
    missed.length === 0
      ? 'Loads are as balanced as the model requires.'
      : `${missed.length} of ${count(required.length, 'layer')} ${missed.length === 1 ? 'is' : 'are'} NOT as balanced as the model requires.`,
  ]
}

function loadOf(layer: LayerReport, expert: number): string {
  const out = layer.balance?.outside.includes(expert) === true ? '; out of balance' : ''
  if (layer.load[expert] === 0) return `dead: no token${out}`
  return `${count(layer.load[expert], 'slot')}, ${percent(layer.load[expert] / layer.kept)}, ${fixed(relative(layer, expert))} × even${out}`
}

/** Of a cell of the load figure, a line each. */
export function cellWords({ reports, labels }: State, layer: number, expert: number): readonly string[] {
  const title = `layer ${labels.labels[layer]}, expert ${expert}`
  if (reports.length === 1) return [title, loadOf(reports[0].layers[layer], expert)]
  const [a, b] = reports.map((report) => report.layers[layer])
  return [
    title,
    ...reports.map((report, at) => `${letter(at)}: ${loadOf(report.layers[layer], expert)}`),
    `B − A: ${signed(relative(b, expert) - relative(a, expert))} × even`,
  ]
}

/** Of a cell of the co-activation figure. */
export function pairWords({ reports }: State, layer: number, i: number, j: number): readonly string[] {
  const words = reports.map(({ layers }, at) => {
    const { load } = layers[layer]
    const who = reports.length === 1 ? '' : `${letter(at)}: `
    return load[i] === 0
      ? `${who}expert ${i} is dead`
      : `${who}of the ${count(load[i], 'token')} of expert ${i}, ${percent(together(layers[layer], i, j))} went to expert ${j} too`
  })
  return i === j ? [`expert ${i} with itself`] : words
}
