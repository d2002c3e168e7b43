/**
 * A column of bars beside the heat map, its rows those of the map; of two reports the first is a line across the bar of the
 * second.
 */
import { svg } from './dom.ts'
import { barRoom, type Layout } from './layout.ts'
import type { Measure } from './measures.ts'
import { shown, type State } from './state.ts'

function bar(
  state: State,
  { top, cellHeight, bar: { width } }: Layout,
  measure: Measure,
  end: number,
  layer: number,
): SVGElement {
  const value = measure.of(shown(state).layers[layer])
  const y = top + layer * cellHeight
  const thick = Math.max(5, Math.min(16, cellHeight - 6))
  const from = y + (cellHeight - 1 - thick) / 2
  const length = value === null ? 0 : Math.max(value > 0 ? 1 : 0, (value / end) * width)
  const first = state.reports.length === 2 && state.view !== 0 ? measure.of(state.reports[0].layers[layer]) : null
  const at = first === null ? 0 : (first / end) * width
  return svg(
    'g',
    {},
    svg('rect', { class: 'bar', x: 0, y: from, width: length, height: thick }),
    first === null ? null : svg('line', { class: 'first', x1: at, x2: at, y1: from - 2, y2: from + thick + 2 }),
    svg(
      'text',
      { class: 'small', x: Math.max(length, at) + 5, y: y + cellHeight / 2, 'dominant-baseline': 'central' },
      measure.show(value),
    ),
  )
}

export function bars(state: State, layout: Layout, measure: Measure, column: number): SVGElement {
  const {
    top,
    cellHeight,
    rows,
    barsAt,
    bar: { width },
    height,
  } = layout
  const values = state.reports.flatMap(({ layers }) => layers.map((layer) => measure.of(layer) ?? 0))
  const end = measure.end(values)
  const bottom = top + rows * cellHeight
  return svg(
    'g',
    { transform: `translate(${barsAt + column * barRoom(layout.bar)} 0)` },
    svg('title', {}, measure.doc),
    svg('text', { class: 'head', x: 0, y: top - 8 }, measure.title),
    svg('line', { class: 'rule', x1: 0, x2: 0, y1: top - 2, y2: bottom }),
    ...Array.from({ length: rows }, (_, layer) => bar(state, layout, measure, end, layer)),
    svg('text', { class: 'small', x: 0, y: height - 22, 'text-anchor': 'middle' }, '0'),
    svg('text', { class: 'small', x: width, y: height - 22, 'text-anchor': 'middle' }, String(Number(end.toPrecision(2)))),
    svg('line', { class: 'rule', x1: 0, x2: width, y1: bottom, y2: bottom }),
  )
}
