/** The figure of the page: the heat map, the bars beside it, and what pointer and keys do on it. */
import { bars } from './bars.ts'
import { html, svg } from './dom.ts'
import { heatMap, markRow } from './heat-map.ts'
import { layoutOf } from './layout.ts'
import { loadLegend } from './legend.ts'
import { measuresOf } from './measures.ts'
import type { State } from './state.ts'
import type { Tooltip } from './tooltip.ts'
import { cellWords } from './words.ts'

const numberOf = (target: EventTarget | null, name: string): number | null => {
  const value = (target as Element | null)?.closest(`[data-${name}]`)?.getAttribute(`data-${name}`)
  return value == null ? null : Number(value)
}

export interface LoadFigure {
  readonly element: HTMLElement
  /** Marks another layer without drawing the map again. */
  readonly choose: (layer: number) => void
}

function listen(figure: SVGElement, state: State, tooltip: Tooltip, choose: (layer: number) => void): void {
  figure.addEventListener('pointermove', (event) => {
    const [layer, expert] = [numberOf(event.target, 'layer'), numberOf(event.target, 'expert')]
    if (layer === null || expert === null) tooltip.hide()
    else tooltip.show(cellWords(state, layer, expert), event.clientX, event.clientY)
  })
  figure.addEventListener('pointerleave', tooltip.hide)
  figure.addEventListener('click', (event) => {
    const layer = numberOf(event.target, 'layer')
    if (layer !== null) choose(layer)
  })
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}

const within = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value))

/** Up and down choose a layer, left and right walk over its experts. */
function listenToKeys(
  figure: SVGElement,
  state: State,
  tooltip: Tooltip,
  chosen: () => number,
  choose: (layer: number) => void,
): void {
  const { layers } = state.reports[0]
  let expert = -1
  figure.addEventListener('blur', tooltip.hide)
  figure.addEventListener('keydown', (event) => {
    if (!Object.hasOwn(MOVES, event.key)) return
    event.preventDefault()
    const [down, right] = MOVES[event.key]
    if (down !== 0) return choose(within(chosen() + down, layers.length))
    expert = within(expert + right, layers[chosen()].experts)
    const box = figure.querySelector(`rect[data-layer="${chosen()}"][data-expert="${expert}"]`)?.getBoundingClientRect()
    const words = cellWords(state, chosen(), expert)
    tooltip.show(words, (box?.right ?? 0) - 10, (box?.bottom ?? 0) - 10)
    tooltip.say(words)
  })
}

export function loadFigure(state: State, available: number, tooltip: Tooltip, choose: (layer: number) => void): LoadFigure {
  const measures = measuresOf(state)
  const layout = layoutOf(state, measures.length, available)
  const figure = svg(
    'svg',
    {
      class: 'load',
      width: layout.width,
      height: layout.height,
      viewBox: `0 0 ${layout.width} ${layout.height}`,
      tabindex: 0,
      role: 'img',
      'aria-label': `Load of ${layout.experts} experts in ${layout.rows} layers. Arrow keys choose a layer and an expert; the numbers are in the tables below.`,
    },
    ...heatMap(state, layout),
    ...measures.map((measure, column) => bars(state, layout, measure, column)),
  )
  let chosen = state.layer
  const mark = (layer: number): void => {
    chosen = layer
    markRow(figure, state, layout, layer)
  }
  mark(chosen)
  listen(figure, state, tooltip, choose)
  listenToKeys(figure, state, tooltip, () => chosen, choose)
  return {
    element: html('figure', {}, loadLegend(state, layout.hasCross), html('div', { class: 'scroll' }, figure)),
    choose: mark,
  }
}
