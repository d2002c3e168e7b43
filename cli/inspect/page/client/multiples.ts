/** Small multiples: one drawing for each layer, all of one scale. */
import type { LayerInspection } from '../../../../analysis/inspect/layer.ts'
import { css, divergingColour, sequentialColour, type Rgb, type Theme } from '../../../routing/colour.ts'
import { html, svg } from '../../../routing/page/client/dom.ts'
import { scale } from '../../../training/page/client/axes.ts'

const [SIDE, WIDE, TALL] = [176, 220, 110]

/** Drawings beside each other, each under the name of its layer. */
function multiples(caption: string, drawings: readonly (readonly [name: string, drawing: Element])[]): HTMLElement {
  const each = drawings.map(([name, drawing]) =>
    html('div', { class: 'multiple' }, html('div', { class: 'small' }, name), drawing),
  )
  return html('figure', {}, html('figcaption', {}, caption), html('div', { class: 'multiples' }, ...each))
}

/** A matrix of colours, a pixel an entry. */
function pixels(rows: number, columns: number, colourAt: (row: number, column: number) => Rgb, label: string): HTMLCanvasElement {
  const canvas = html('canvas', { width: columns, height: rows, class: 'map', role: 'img', 'aria-label': label })
  const context = canvas.getContext('2d')!
  const image = context.createImageData(columns, rows)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) image.data.set([...colourAt(row, column), 255], 4 * (row * columns + column))
  context.putImageData(image, 0, 0)
  return canvas
}

/** The cosine of two experts of a layer; null on the diagonal. */
const cosineOf = ({ similarity: { cosines } }: LayerInspection, a: number, b: number): number | null => {
  const [high, low] = [Math.max(a, b), Math.min(a, b)]
  return a === b ? null : cosines[(high * (high - 1)) / 2 + low]
}

/** What a place of a map says under the pointer. */
function withTitles(canvas: HTMLCanvasElement, textAt: (row: number, column: number) => string): HTMLCanvasElement {
  canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
    const row = Math.min(canvas.height - 1, Math.floor((offsetY / canvas.clientHeight) * canvas.height))
    const column = Math.min(canvas.width - 1, Math.floor((offsetX / canvas.clientWidth) * canvas.width))
    canvas.title = textAt(row, column)
  })
  return canvas
}

export function similarityFigure(layers: readonly LayerInspection[], theme: Theme): HTMLElement {
  const most = Math.max(
    1e-9,
    ...layers.flatMap(({ similarity }) => similarity.cosines.map(Math.abs)).filter((one) => !Number.isNaN(one)),
  )
  const drawings = layers.map((layer) => {
    const colourAt = (row: number, column: number): Rgb => divergingColour((cosineOf(layer, row, column) ?? 0) / most, theme)
    const map = pixels(layer.experts, layer.experts, colourAt, `Cosines between the experts of ${layer.layer}`)
    map.style.width = map.style.height = `${SIDE}px`
    const text = (row: number, column: number): string => {
      const cosine = cosineOf(layer, row, column)
      return cosine === null ? `expert ${row}` : `experts ${row} and ${column}: ${cosine.toPrecision(3)}`
    }
    return [layer.layer, withTitles(map, text)] as const
  })
  return multiples(
    `Cosine between the weights of two experts, from -${most.toPrecision(2)} (blue) to ${most.toPrecision(2)} (red)`,
    drawings,
  )
}

export function normFigure(layers: readonly LayerInspection[]): HTMLElement {
  const y = scale(0, Math.max(...layers.flatMap(({ norms }) => norms)), TALL, 4)
  const drawings = layers.map(({ layer, norms }) => {
    const width = WIDE / norms.length
    const bars = norms.map((norm, expert) => {
      const bar = svg('rect', {
        class: 'bar',
        x: expert * width,
        y: y.at(norm),
        width: Math.max(0.5, width - 1),
        height: TALL - y.at(norm),
      })
      bar.append(svg('title', {}, `expert ${expert}: ${norm.toPrecision(4)}`))
      return bar
    })
    return [
      layer,
      svg('svg', { width: WIDE, height: TALL, role: 'img', 'aria-label': `Norms of the experts of ${layer}` }, ...bars),
    ] as const
  })
  return multiples(`Norm of the weights of each expert, from 0 to ${y.high.toPrecision(3)}`, drawings)
}

/** Null where nothing was decomposed. */
export function spectrumFigure(layers: readonly LayerInspection[]): HTMLElement | null {
  if (layers.every(({ spectra }) => spectra.length === 0)) return null
  const y = scale(0, 1, TALL, 4)
  const drawings = layers.map(({ layer, spectra }) => {
    const lines = spectra.map(({ weight, expert, curve, effectiveRank, random }) => {
      const x = scale(0, curve.length - 1, 0, WIDE)
      const d = curve.map((value, at) => `${x.at(at).toFixed(1)} ${y.at(value).toFixed(1)}`).join('L')
      const line = svg('path', { d: `M${d}`, fill: 'none', stroke: 'var(--bar)', 'stroke-opacity': 0.7, 'stroke-width': 1.5 })
      const rank =
        effectiveRank === null
          ? 'zeros'
          : `effective rank ${effectiveRank.toPrecision(3)}, of a random matrix ${random.toPrecision(3)}`
      line.append(svg('title', {}, `${weight}, expert ${expert}: ${rank}`))
      return line
    })
    const base = svg('line', { class: 'rule', x1: 0, x2: WIDE, y1: TALL, y2: TALL })
    return [
      layer,
      svg('svg', { width: WIDE, height: TALL, role: 'img', 'aria-label': `Spectra of ${layer}` }, base, ...lines),
    ] as const
  })
  return multiples('Singular values over the largest, from the first to the last, of the matrices that were decomposed', drawings)
}

const [ROW, LABELS] = [20, 128]

/** A layer a row, an expert a column: how far its weights are from those of the other checkpoint. Null where none is compared. */
export function differenceFigure(layers: readonly LayerInspection[], width: number): HTMLElement | null {
  const compared = layers.filter(({ difference }) => difference !== null)
  if (compared.length === 0) return null
  const most = Math.max(1e-12, ...compared.flatMap(({ difference }) => difference!.experts.filter(Number.isFinite)))
  const cell = Math.min(40, (width - LABELS) / Math.max(...compared.map(({ experts }) => experts)))
  const rows = compared.flatMap(({ layer, difference }, at) => [
    svg('text', { x: LABELS - 8, y: at * ROW + 14, 'text-anchor': 'end' }, layer),
    ...difference!.experts.map((value, expert) => {
      const fill = css(sequentialColour(value / most))
      const box = svg('rect', { class: 'cell', x: LABELS + expert * cell, y: at * ROW, width: cell - 1, height: ROW - 1, fill })
      box.append(svg('title', {}, `expert ${expert}: ${(100 * value).toPrecision(3)} %`))
      return box
    }),
  ])
  const figure = svg(
    'svg',
    { width, height: compared.length * ROW, role: 'img', 'aria-label': 'Difference of each expert' },
    ...rows,
  )
  const caption = `Relative difference of each expert, up to ${(100 * most).toPrecision(3)} %; brighter is further apart`
  return html('figure', {}, html('figcaption', {}, caption), figure)
}
