/** Reports as pictures for the terminal. */
import type { Balance } from '../../runtime/routing/balance.ts'
import type { LayerDifference } from '../../runtime/routing/difference.ts'
import type { LayerReport, RoutingReport } from '../../runtime/routing/report.ts'
import { paint, plural } from '../output.ts'
import { balanceWords, isBalanced } from './balance.ts'
import { barOf, DEAD, gridFor, lineWidth, loadLine, type Grid } from './cells.ts'
import { loadCollapseWords, routerCollapseWords } from './collapse.ts'
import { showDims } from './names.ts'
import { relativeLoad } from './scale.ts'

export interface Sheet {
  readonly columns: number
  readonly hasColor: boolean
}

const real = (value: number | null): string => (value === null ? '-' : value.toFixed(2))
const signed = (value: number | null): string => (value === null ? '-' : `${value > 0 ? '+' : ''}${value.toFixed(2)}`)

interface Column {
  readonly title: string
  readonly cells: readonly string[]
}

const column = (title: string, cells: readonly string[]): Column => ({ title, cells })

/** `5%: kept`, `5%: 3 out`. */
const balanceCell = (balance: Balance | null): string =>
  balance === null ? '-' : `${balance.within}%: ${isBalanced(balance) ? 'kept' : `${balance.outside.length} out`}`

/** `6.93 uneven` */
const effectiveCell = ({ loadCollapse: { effective, verdict } }: LayerReport): string =>
  effective === null ? '-' : `${real(effective)} ${verdict}`

/** `0.16 as random`, of the weights of the router. */
const routerCell = ({ collapse }: LayerReport): string =>
  collapse.map(({ pearson, cosine, verdict }) => `${real(pearson ?? cosine)} ${verdict}`).join(', ') || '-'

/** The columns of numbers; what is zero everywhere is left out. */
function measures(layers: readonly LayerReport[]): readonly Column[] {
  const some = (of: (layer: LayerReport) => number): boolean => layers.some((layer) => of(layer) > 0)
  return [
    column(
      'CV',
      layers.map(({ cv }) => real(cv)),
    ),
    column(
      'MaxVio',
      layers.map(({ maxVio }) => real(maxVio)),
    ),
    column(
      'entropy',
      layers.map(({ allocationEntropy }) => real(allocationEntropy)),
    ),
    column(
      'dead',
      layers.map(({ dead }) => String(dead.length)),
    ),
    column('effective', layers.map(effectiveCell)),
    ...(layers.some(({ collapse }) => collapse.length > 0) ? [column('router', layers.map(routerCell))] : []),
    ...(some(({ dropped }) => dropped)
      ? [
          column(
            'dropped',
            layers.map(({ dropped }) => String(dropped)),
          ),
        ]
      : []),
    ...(layers.some(({ balance }) => balance !== null)
      ? [
          column(
            'balance',
            layers.map(({ balance }) => balanceCell(balance)),
          ),
        ]
      : []),
    ...(layers.some(({ against }) => against !== null)
      ? [
          column(
            'changed',
            layers.map(({ against }) => real(against?.changeSet ?? null)),
          ),
        ]
      : []),
  ]
}

const widthOf = ({ title, cells }: Column): number => Math.max(title.length, ...cells.map((cell) => cell.length))

const numbersAt = (columns: readonly Column[], row: number | null): string =>
  columns.map((each) => `  ${(row === null ? each.title : each.cells[row]).padStart(widthOf(each))}`).join('')

function legend(grid: Grid, dead: boolean): string {
  const marks = `${barOf(0.25)} a quarter, ${barOf(1)} an even share, ${barOf(3)} three times as much`
  return [marks, dead ? `, ${DEAD} no token` : '', grid.each > 1 ? `; the busiest of ${grid.each} experts a column` : ''].join('')
}

const describe = ({ model, layers, adapter, dims, replayed }: RoutingReport): string => {
  const [{ tokens, k, experts }] = layers
  const same = layers.every((layer) => layer.tokens === tokens && layer.k === k && layer.experts === experts)
  const each = same
    ? `${plural(tokens, 'token')}, each to ${k} of ${plural(experts, 'expert')}`
    : plural(layers.length, 'routed layer')
  return [`${model}: ${each}`, showDims(dims), `on ${adapter}`, replayed === null ? '' : `routes replayed from ${replayed}`]
    .filter((words) => words !== '')
    .join('; ')
}

/** Lines of layers: a label, the loads as bars, and numbers. */
function lines(
  labels: readonly string[],
  layers: readonly LayerReport[],
  columns: readonly Column[],
  { columns: wide, hasColor }: Sheet,
): string {
  const label = Math.max(5, ...labels.map((each) => each.length))
  const numbers = columns.reduce((sum, each) => sum + 2 + widthOf(each), 0)
  const experts = Math.max(...layers.map((layer) => layer.experts))
  const grid = gridFor(experts, wide - label - 2 - numbers)
  const room = Math.max(4, lineWidth(experts, grid))
  const head = `${'layer'.padEnd(label)}  ${'load'.padEnd(room)}${numbersAt(columns, null)}`
  const rows = layers.map((layer, at) => {
    const gap = ' '.repeat(Math.max(0, room - lineWidth(layer.experts, grid)))
    return `${labels[at].padEnd(label)}  ${loadLine(layer, grid, hasColor)}${gap}${numbersAt(columns, at)}`.trimEnd()
  })
  const isDead = layers.some(({ dead }) => dead.length > 0)
  return [paint(hasColor, 'bold', head), ...rows, '', paint(hasColor, 'dim', legend(grid, isDead)), ''].join('\n')
}

const range = (values: readonly (number | undefined)[]): string | null => {
  const known = [...new Set(values.filter((value) => value !== undefined).map((value) => value.toFixed(2)))].sort(
    (a, b) => Number(a) - Number(b),
  )
  return known.length === 0 ? null : known.length === 1 ? known[0] : `${known[0]} to ${known[known.length - 1]}`
}

/** What chance gives for the columns of collapse. */
function chance(layers: readonly LayerReport[]): string {
  const load = range(layers.map(({ loadCollapse: { random } }) => random ?? undefined))
  const router = range(
    layers.flatMap(({ collapse }) =>
      collapse.map(({ pearson, random }) => (pearson === null ? random?.cosine.mean : random?.pearson.mean)),
    ),
  )
  return [
    ...(load === null ? [] : [`effective: evenly busy experts of the same entropy; random choices give ${load}`]),
    ...(router === null ? [] : [`router: how alike the rows of its weight are, 0 to 1; random rows give ${router}`]),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** A line for each layer whose load has collapsed onto few experts, or whose router has. */
const collapsed = (layers: readonly LayerReport[], { hasColor }: Sheet): string =>
  layers
    .flatMap(({ name, experts, loadCollapse, dead, collapse }) => [
      ...(loadCollapse.verdict === 'collapsed' ? [`${name}: ${loadCollapseWords(loadCollapse, experts, dead)}`] : []),
      ...collapse.flatMap((one) => (one.verdict === 'collapsed' ? [`${name}: ${one.weight}: ${routerCollapseWords(one)}`] : [])),
    ])
    .map((words) => paint(hasColor, 'red', `${words}\n`))
    .join('')

/** A line for each layer whose load is not as balanced as is required. */
const unbalanced = (layers: readonly LayerReport[], { hasColor }: Sheet): string =>
  layers
    .flatMap(({ name, experts, balance }) =>
      balance === null || isBalanced(balance) ? [] : [paint(hasColor, 'red', `${name}: ${balanceWords(balance, experts)}\n`)],
    )
    .join('')

export function drawReport(report: RoutingReport, sheet: Sheet): string {
  const { layers, against } = report
  const note = against === null ? '' : `compared with ${against}: changed is the share of the experts that are others\n`
  return `${describe(report)}\n${note}\n${lines(
    layers.map(({ name }) => name),
    layers,
    measures(layers),
    sheet,
  )}${paint(sheet.hasColor, 'dim', chance(layers))}${collapsed(layers, sheet)}${unbalanced(layers, sheet)}`
}

/** Two lines a layer, the second with what it is more than the first. */
export function drawComparison(
  [a, b]: readonly RoutingReport[],
  names: readonly string[],
  differences: readonly LayerDifference[],
  sheet: Sheet,
): string {
  const layers = a.layers.flatMap((layer, at) => [layer, b.layers[at]])
  const labels = a.layers.flatMap(({ name }) => [`${name} A`, `${' '.repeat(name.length)} B`])
  const ofSecond = (of: (difference: LayerDifference) => number | null): readonly string[] =>
    differences.flatMap((difference) => ['', signed(of(difference))])
  const columns = [
    ...measures(layers).filter(({ title }) => title !== 'changed'),
    column(
      'moved',
      differences.flatMap(({ moved }) => ['', real(moved)]),
    ),
    column(
      'CV B-A',
      ofSecond(({ cv }) => cv),
    ),
    column(
      'MaxVio B-A',
      ofSecond(({ maxVio }) => maxVio),
    ),
  ]
  const heads = [a, b].map((report, at) => `${'AB'[at]} ${names[at]}: ${describe(report)}\n`).join('')
  return `${heads}\n${lines(labels, layers, columns, sheet)}moved is the share of the load that other experts took over\n`
}

/** One layer, an expert a line: its slots and its share. */
export function drawLayer(layer: LayerReport, { columns, hasColor }: Sheet): string {
  const { load, experts, kept, dead, name, balance } = layer
  const most = Math.max(1, ...load)
  const id = String(experts - 1).length
  const digits = String(most).length
  const width = Math.max(10, Math.min(60, columns - id - digits - 40))
  const rows = load.map((count, expert) => {
    const share = kept === 0 ? 0 : count / kept
    const bar = '█'.repeat(Math.round((count / most) * width)).padEnd(width)
    const words =
      count === 0
        ? paint(hasColor, 'red', 'dead')
        : `${(100 * share).toFixed(1).padStart(5)} %  ${relativeLoad(count, experts, kept).toFixed(2)} x even`
    const out = balance?.outside.includes(expert) === true ? `  ${paint(hasColor, 'red', 'out of balance')}` : ''
    return `expert ${String(expert).padStart(id)}  ${bar}  ${String(count).padStart(digits)}  ${words}${out}\n`
  })
  const words = [
    ...(balance === null ? [] : [balanceWords(balance, experts)]),
    loadCollapseWords(layer.loadCollapse, experts, dead),
    ...layer.collapse.map((one) => `${one.weight}: ${routerCollapseWords(one)}`),
  ]
    .map((line) => `${line}\n`)
    .join('')
  return `${name}: ${plural(kept, 'slot')} of ${plural(layer.tokens, 'token')}${dead.length === 0 ? '' : `, ${dead.length} dead`}\n${words}\n${rows.join('')}`
}
