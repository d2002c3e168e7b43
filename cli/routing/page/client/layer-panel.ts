/** One layer, closer. */
import type { LayerReport } from '../../../../runtime/routing/report.ts'
import { balanceWords } from '../../balance.ts'
import { loadCollapseWords, routerCollapseWords } from '../../collapse.ts'
import { coactivation } from './coactivation.ts'
import { html } from './dom.ts'
import { expertBars } from './expert-bars.ts'
import { fixed, grouped, percent } from './numbers.ts'
import { letter, type State } from './state.ts'
import type { Tooltip } from './tooltip.ts'

type Fact = readonly [name: string, value: string]

const facts = ({
  tokens,
  k,
  experts,
  kept,
  dropped,
  dead,
  balance,
  loadCollapse,
  weightEntropy,
  margin,
  collapse,
  against,
}: LayerReport): readonly Fact[] => [
  ['tokens', `${grouped(tokens)}, ${k} of ${experts} experts each`],
  [
    'dropped',
    dropped === 0 ? 'none' : `${grouped(dropped)} of ${grouped(kept + dropped)} slots, ${percent(dropped / (kept + dropped))}`,
  ],
  [
    'dead',
    dead.length === 0
      ? 'none'
      : dead.length > 16
        ? `${dead.slice(0, 16).join(', ')} and ${dead.length - 16} more`
        : dead.join(', '),
  ],
  ...(balance === null ? [] : [['required', balanceWords(balance, experts)] as const]),
  ['collapse of the load', loadCollapseWords(loadCollapse, experts, dead)],
  ['weight entropy', fixed(weightEntropy)],
  [margin?.from === 'scores' ? 'margin of the scores' : 'margin of the weights', fixed(margin?.value ?? null)],
  ...collapse.map((one): Fact => [`collapse of ${one.weight.split('.').slice(-2).join('.')}`, routerCollapseWords(one)]),
  ...(against === null
    ? []
    : [
        [
          'changed',
          `first expert of ${percent(against.changeTop1 ?? 0)} of the tokens; overlap ${fixed(against.overlap)}`,
        ] as const,
      ]),
]

function factList({ reports, layer }: State): HTMLElement {
  const lists = reports.map(({ layers }) => facts(layers[layer]))
  const names = [...new Set(lists.flatMap((list) => list.map(([name]) => name)))]
  const valueOf = (list: readonly Fact[], name: string): string => list.find(([known]) => known === name)?.[1] ?? '–'
  const row = (name: string, values: readonly string[]): HTMLElement =>
    html('tr', {}, html('th', { scope: 'row' }, name), ...values.map((value) => html('td', {}, value)))
  const head =
    reports.length === 1
      ? []
      : [html('thead', {}, html('tr', {}, html('td'), ...lists.map((_, at) => html('th', { scope: 'col' }, letter(at)))))]
  return html(
    'table',
    { class: 'facts' },
    ...head,
    html(
      'tbody',
      {},
      ...names.map((name) =>
        row(
          name,
          lists.map((list) => valueOf(list, name)),
        ),
      ),
    ),
  )
}

export function layerPanel(state: State, available: number, tooltip: Tooltip): HTMLElement {
  const { name } = state.reports[0].layers[state.layer]
  const half = available < 900 ? available : Math.floor(available / 2) - 12
  return html(
    'section',
    { class: 'layer', 'aria-label': name },
    html('h2', {}, 'Layer ', html('code', {}, name)),
    html(
      'div',
      { class: 'pair' },
      html('div', {}, expertBars(state, half, tooltip), factList(state)),
      coactivation(state, half, tooltip),
    ),
  )
}
