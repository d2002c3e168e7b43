/** The loss at each position of a window: what context is worth. */
import type { EvalReport } from '../../report.ts'
import { scale, ticks } from '../../../training/page/client/axes.ts'
import { html, svg } from '../../../routing/page/client/dom.ts'

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [52, 12, 10, 34, 240]

/** Null where there are fewer than two positions. */
export function lossFigure({ lossAt }: EvalReport, width: number): HTMLElement | null {
  const points = lossAt.flatMap((loss, at) => (loss === null ? [] : [{ loss, position: at + 1 }]))
  if (points.length < 2) return null
  const losses = points.map(({ loss }) => loss)
  const x = scale(points[0].position, points.at(-1)!.position, LEFT, width - RIGHT)
  const y = scale(Math.min(...losses), Math.max(...losses), HEIGHT - BOTTOM, TOP)
  const path = points.map(({ loss, position }) => `${x.at(position).toFixed(1)} ${y.at(loss).toFixed(1)}`).join('L')
  const rules = ticks(y.low, y.high, 4).flatMap((value) => [
    svg('line', { class: 'rule', x1: LEFT, x2: width - RIGHT, y1: y.at(value), y2: y.at(value) }),
    svg('text', { class: 'small', x: LEFT - 6, y: y.at(value) + 4, 'text-anchor': 'end' }, String(value)),
  ])
  const numbers = ticks(x.low, x.high, 6).map((value) =>
    svg('text', { class: 'small', x: x.at(value), y: HEIGHT - BOTTOM + 16, 'text-anchor': 'middle' }, String(value)),
  )
  const label = svg(
    'text',
    { class: 'small', x: (LEFT + width) / 2, y: HEIGHT - 2, 'text-anchor': 'middle' },
    'position in the window',
  )
  const line = svg('path', { d: `M${path}`, fill: 'none', stroke: 'var(--bar)', 'stroke-width': 1.5 })
  const figure = svg(
    'svg',
    { width, height: HEIGHT, role: 'img', 'aria-label': 'Loss by position' },
    ...rules,
    ...numbers,
    label,
    line,
  )
  return html('figure', {}, html('figcaption', {}, 'Loss by position in the window, nats a token'), figure)
}
