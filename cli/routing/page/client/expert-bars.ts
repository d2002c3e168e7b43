/** The load of each expert of one layer as bars over an even share. */
import { css, loadColour } from '../../colour.ts'
import { html, svg } from './dom.ts'
import { axisTicks } from './layout.ts'
import { ceiling } from './numbers.ts'
import { letter, relative, shown, type State } from './state.ts'
import type { Tooltip } from './tooltip.ts'
import { cellWords } from './words.ts'

const [HEIGHT, LEFT, TOP, BOTTOM] = [240, 34, 12, 34]

interface Frame {
  readonly x: number
  readonly width: number
  /** The load at the upper edge, in even shares. */
  readonly end: number
  readonly y: (value: number) => number
}

/** The loads that are required, as a stripe over the bars. */
function band(within: number, { x, width, end, y }: Frame): readonly SVGElement[] {
  const [low, high] = [Math.max(0, 1 - within / 100), Math.min(end, 1 + within / 100)]
  return [svg('rect', { class: 'band', x, y: y(high), width, height: Math.max(1, y(low) - y(high)) })]
}

export function expertBars(state: State, available: number, tooltip: Tooltip): HTMLElement {
  const layer = shown(state).layers[state.layer]
  const first = state.reports.length === 2 && state.view !== 0 ? state.reports[0].layers[state.layer] : null
  const cellWidth = Math.max(2, Math.min(44, Math.floor((available - LEFT - 44) / layer.experts)))
  const width = cellWidth * layer.experts
  const all = [layer, ...(first === null ? [] : [first])]
  const end = ceiling(Math.max(1.5, ...all.flatMap((each) => each.load.map((_, expert) => relative(each, expert)))))
  const y = (value: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / end)
  const columns = layer.load.map((_, expert) => {
    const [x, value] = [LEFT + expert * cellWidth, relative(layer, expert)]
    const before = first === null ? null : y(relative(first, expert))
    return svg(
      'g',
      { 'data-expert': expert },
      svg('rect', { class: 'catch', x, y: TOP, width: cellWidth, height: HEIGHT - TOP - BOTTOM }),
      svg('rect', {
        x: x + (cellWidth > 6 ? 1 : 0),
        y: y(value),
        width: Math.max(1, cellWidth - (cellWidth > 6 ? 2 : 0)),
        height: y(0) - y(value),
        fill: css(loadColour(value)),
      }),
      value > 0 || cellWidth < 8
        ? null
        : svg('path', { class: 'cross', d: `M${x + cellWidth / 2 - 3} ${y(0) - 10}l6 6m0 -6l-6 6` }),
      before === null ? null : svg('line', { class: 'first', x1: x, x2: x + cellWidth, y1: before, y2: before }),
    )
  })
  const levels = [0, end / 2, end].map((value) =>
    svg(
      'text',
      { class: 'small', x: LEFT - 6, y: y(value), 'text-anchor': 'end', 'dominant-baseline': 'central' },
      String(Number(value.toPrecision(3))),
    ),
  )
  const figure = svg(
    'svg',
    {
      width: LEFT + width + 40,
      height: HEIGHT,
      viewBox: `0 0 ${LEFT + width + 40} ${HEIGHT}`,
      role: 'img',
      'aria-label': `Load of each expert of layer ${state.labels.labels[state.layer]}`,
    },
    ...columns,
    ...levels,
    svg('line', { class: 'rule', x1: LEFT, x2: LEFT + width, y1: y(0), y2: y(0) }),
    svg('line', { class: 'even', x1: LEFT, x2: LEFT + width, y1: y(1), y2: y(1) }),
    svg('text', { class: 'small', x: LEFT + width + 5, y: y(1), 'dominant-baseline': 'central' }, 'even'),
    ...(layer.balance === null ? [] : band(layer.balance.within, { x: LEFT, width, end, y })),
    ...axisTicks(layer.experts, cellWidth).map((expert) =>
      svg(
        'text',
        { class: 'small', x: LEFT + (expert + 0.5) * cellWidth, y: HEIGHT - 20, 'text-anchor': 'middle' },
        String(expert),
      ),
    ),
    svg('text', { class: 'small', x: LEFT + width / 2, y: HEIGHT - 4, 'text-anchor': 'middle' }, 'expert'),
  )
  figure.addEventListener('pointermove', (event) => {
    const expert = (event.target as Element).closest('[data-expert]')?.getAttribute('data-expert')
    if (expert == null) tooltip.hide()
    else tooltip.show(cellWords(state, state.layer, Number(expert)), event.clientX, event.clientY)
  })
  figure.addEventListener('pointerleave', tooltip.hide)
  const words =
    first === null
      ? 'Load, times an even share'
      : `Load in ${letter(1)}, times an even share; a line where it was in ${letter(0)}`
  const stripe = layer.balance === null ? '' : `; the stripe is what is required, within ${layer.balance.within}%`
  return html('figure', {}, html('figcaption', {}, `${words}${stripe}`), html('div', { class: 'scroll' }, figure))
}
