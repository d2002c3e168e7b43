/** The load of each expert, a layer a row; darker is more than an even share. */
import type { LayerLoad } from '../../../../analysis/eval/layers.ts'
import { css, loadColour } from '../../../routing/colour.ts'
import { html, svg } from '../../../routing/page/client/dom.ts'

const [LEFT, CELL_HEIGHT, WIDEST] = [120, 20, 40]

function cells({ load, experts }: LayerLoad, top: number, width: number): readonly SVGElement[] {
  const kept = load.reduce((sum, count) => sum + count, 0)
  return load.map((count, expert) => {
    const box = svg('rect', {
      class: count === 0 ? 'cell dead' : 'cell',
      x: LEFT + expert * width,
      y: top,
      width: width - 1,
      height: CELL_HEIGHT - 1,
      fill: count === 0 ? null : css(loadColour((count * experts) / kept)),
    })
    box.append(svg('title', {}, `expert ${expert}: ${count} of ${kept}`))
    return box
  })
}

export function loadFigure(layers: readonly LayerLoad[], width: number): HTMLElement | null {
  if (layers.length === 0) return null
  const cellWidth = Math.min(WIDEST, (width - LEFT) / Math.max(...layers.map(({ experts }) => experts)))
  const rows = layers.flatMap((layer, at) => [
    svg('text', { x: LEFT - 8, y: at * CELL_HEIGHT + CELL_HEIGHT / 2 + 4, 'text-anchor': 'end' }, layer.name),
    ...cells(layer, at * CELL_HEIGHT, cellWidth),
  ])
  const height = layers.length * CELL_HEIGHT
  const figure = svg('svg', { width, height, role: 'img', 'aria-label': 'Load of each expert' }, ...rows)
  return html('figure', {}, html('figcaption', {}, 'Load of each expert, by layer'), figure)
}
