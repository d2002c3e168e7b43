/** Layers down, experts across, load as colour. */
import { css, divergingColour, inkOn, loadColour, type Rgb } from '../../colour.ts'
import { position } from '../../scale.ts'
import { svg } from './dom.ts'
import { axisTicks, type Layout } from './layout.ts'
import { percent } from './numbers.ts'
import { relative, shown, type State } from './state.ts'

/** Half of the scale is as much as loads differ in practice. */
const steep = (difference: number): number => Math.max(-1, Math.min(1, 2 * difference))

function colourOf({ reports, view, theme }: State, layer: number, expert: number): Rgb | null {
  const [a, b] = reports.map(({ layers }) => layers[layer])
  if (view === 'difference') return divergingColour(steep(position(relative(b, expert)) - position(relative(a, expert))), theme)
  const own = view === 0 ? a : b
  return own.load[expert] === 0 ? null : loadColour(relative(own, expert))
}

function cell(state: State, layout: Layout, layer: number, expert: number): readonly SVGElement[] {
  const { left, top, cellWidth, cellHeight, gap, hasCross } = layout
  const [x, y] = [left + expert * cellWidth, top + layer * cellHeight]
  const [width, height] = [cellWidth - gap, cellHeight - 1]
  const colour = colourOf(state, layer, expert)
  const box = svg('rect', {
    class: colour !== null ? 'cell' : hasCross ? 'cell dead' : 'cell dead tiny',
    x,
    y,
    width,
    height,
    fill: colour === null ? null : css(colour),
    'data-layer': layer,
    'data-expert': expert,
  })
  if (colour === null) {
    const arm = Math.min(4, width / 2 - 1, height / 2 - 1)
    return !hasCross
      ? [box]
      : [
          box,
          svg('path', {
            class: 'cross',
            d: `M${x + width / 2 - arm} ${y + height / 2 - arm}l${2 * arm} ${2 * arm}m0 ${-2 * arm}l${-2 * arm} ${2 * arm}`,
          }),
        ]
  }
  const { load, kept } = shown(state).layers[layer]
  if (cellWidth < 38 || cellHeight < 20 || state.view === 'difference') return [box]
  return [
    box,
    svg('text', { class: 'inside', x: x + width / 2, y: y + height / 2, fill: inkOn(colour) }, percent(load[expert] / kept)),
  ]
}

function row(state: State, layout: Layout, layer: number): SVGElement {
  const { left, top, cellHeight } = layout
  const { experts } = state.reports[0].layers[layer]
  const cells = Array.from({ length: experts }, (_, expert) => cell(state, layout, layer, expert)).flat()
  const place = { x: left - 8, y: top + (layer + 0.5) * cellHeight, 'text-anchor': 'end', 'dominant-baseline': 'central' }
  return svg(
    'g',
    { class: 'row', 'data-layer': layer },
    svg('text', { class: cellHeight < 15 ? 'name small' : 'name', ...place }, state.labels.labels[layer]),
    ...cells,
  )
}

/** The rows, and under them the numbers of the experts. */
export function heatMap(state: State, layout: Layout): readonly SVGElement[] {
  const { left, top, cellWidth, experts, rows, height } = layout
  const ticks = axisTicks(experts, cellWidth).map((expert) =>
    svg(
      'text',
      { class: 'small', x: left + (expert + 0.5) * cellWidth, y: height - 22, 'text-anchor': 'middle' },
      String(expert),
    ),
  )
  return [
    svg('text', { class: 'small', x: left - 8, y: top - 8, 'text-anchor': 'end' }, 'layer'),
    svg('text', { class: 'small', x: left + (experts * cellWidth) / 2, y: height - 6, 'text-anchor': 'middle' }, 'expert'),
    ...Array.from({ length: rows }, (_, layer) => row(state, layout, layer)),
    ...ticks,
  ]
}

/** Marks the row of a chosen layer, and no other. */
export function markRow(
  figure: SVGElement,
  { reports }: State,
  { left, top, cellWidth, cellHeight }: Layout,
  layer: number,
): void {
  figure.querySelector('.mark')?.remove()
  figure.querySelector('.name.chosen')?.classList.remove('chosen')
  figure.querySelector(`.row[data-layer="${layer}"] .name`)?.classList.add('chosen')
  const width = reports[0].layers[layer].experts * cellWidth + 2
  figure.append(svg('rect', { class: 'mark', x: left - 1.5, y: top + layer * cellHeight - 1.5, width, height: cellHeight + 2 }))
}
