/** Which experts answer the same tokens: a pixel a pair, scaled up, so that 256 experts cost no 65,536 elements. */
import type { LayerReport } from '../../../../runtime/routing/report.ts'
import { divergingColour, sequentialColour } from '../../colour.ts'
import { html, svg } from './dom.ts'
import { axisTicks } from './layout.ts'
import { pairLegend } from './legend.ts'
import { shown, together, type State } from './state.ts'
import type { Tooltip } from './tooltip.ts'
import { pairWords } from './words.ts'

const LEFT = 34

const matrixOf = (layer: LayerReport): Float64Array =>
  Float64Array.from({ length: layer.experts ** 2 }, (_, at) =>
    together(layer, Math.floor(at / layer.experts), at % layer.experts),
  )

/** The end of the scale: a few pairs of rare experts do not take the colours from all others. */
function endOf(values: Float64Array): { readonly most: number; readonly isCut: boolean } {
  const sizes = values
    .map(Math.abs)
    .filter((value) => value > 0)
    .sort()
  const [quantile, largest] = [sizes[Math.floor(0.99 * (sizes.length - 1))] ?? 1, sizes[sizes.length - 1] ?? 1]
  return sizes.length < 1000 || largest < 1.2 * quantile ? { most: largest, isCut: false } : { most: quantile, isCut: true }
}

/** Rows of dead experts and the diagonal say nothing. */
function paint(state: State, values: Float64Array, most: number): HTMLCanvasElement {
  const { view, theme } = state
  const { load, experts } = shown(state).layers[state.layer]
  const canvas = html('canvas', { width: experts, height: experts })
  const image = new ImageData(experts, experts)
  for (const [at, value] of values.entries()) {
    const row = Math.floor(at / experts)
    const isBlank = row === at % experts || (load[row] === 0 && view !== 'difference')
    const colour = view === 'difference' ? divergingColour(value / most, theme) : sequentialColour(value / most)
    image.data.set([...colour, isBlank ? 0 : 255], 4 * at)
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0)
  return canvas
}

function axes(experts: number, cell: number): SVGElement {
  const size = experts * cell
  const ticks = axisTicks(experts, cell)
  return svg(
    'svg',
    { class: 'axes', width: LEFT + size + 4, height: size + 38, 'aria-hidden': 'true' },
    ...ticks.map((expert) =>
      svg(
        'text',
        { class: 'small', x: LEFT - 5, y: (expert + 0.5) * cell, 'text-anchor': 'end', 'dominant-baseline': 'central' },
        String(expert),
      ),
    ),
    ...ticks.map((expert) =>
      svg('text', { class: 'small', x: LEFT + (expert + 0.5) * cell, y: size + 14, 'text-anchor': 'middle' }, String(expert)),
    ),
    svg('text', { class: 'small', x: LEFT + size / 2, y: size + 31, 'text-anchor': 'middle' }, '… went to this expert too'),
  )
}

export function coactivation(state: State, available: number, tooltip: Tooltip): HTMLElement {
  const layer = shown(state).layers[state.layer]
  const { experts, k } = layer
  const caption = html('figcaption', {}, 'Co-activation: of the tokens of the expert in the row …')
  if (k === 1 || experts === 1)
    return html(
      'figure',
      {},
      html('figcaption', {}, 'Co-activation'),
      html('p', {}, 'Each token has one expert: no two experts share a token.'),
    )
  const [a, b] = state.reports.map(({ layers }) => matrixOf(layers[state.layer]))
  const values = state.view === 'difference' ? b.map((value, at) => value - a[at]) : state.view === 0 ? a : b
  const { most, isCut } = endOf(values)
  const cell = Math.max(1, Math.min(40, Math.floor(Math.min(512, available - LEFT - 8) / experts)))
  const canvas = paint(state, values, most)
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', `Co-activation of ${experts} experts`)
  canvas.style.cssText = `left:${LEFT}px;width:${experts * cell}px;height:${experts * cell}px`
  canvas.addEventListener('pointermove', ({ offsetX, offsetY, clientX, clientY }) => {
    const [i, j] = [offsetY, offsetX].map((offset) => Math.max(0, Math.min(experts - 1, Math.floor(offset / cell))))
    tooltip.show(pairWords(state, state.layer, i, j), clientX, clientY)
  })
  canvas.addEventListener('pointerleave', tooltip.hide)
  return html(
    'figure',
    {},
    caption,
    html('div', { class: 'scroll' }, html('div', { class: 'matrix' }, axes(experts, cell), canvas)),
    pairLegend(state, most, isCut),
  )
}
