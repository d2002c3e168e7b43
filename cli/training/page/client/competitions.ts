/** In which steps which layers compete. */
import { html, svg } from '../../../routing/page/client/dom.ts'
import { grouped } from '../../../routing/page/client/numbers.ts'
import { scale, stepTicks, type Scale } from './axes.ts'
import { LEFT, listen, rightOf, WIDE, type Figures } from './figures.ts'

const TOP = 4

interface Row {
  readonly layer: string
  readonly competitions: readonly number[]
}

const rowsOf = ({
  report: {
    routing: { layers },
  },
}: Figures): readonly Row[] =>
  layers.flatMap(({ layer, competitions }) => (competitions === null ? [] : [{ layer, competitions }]))

/** One path for all turns of a layer. */
function turns({ layer, competitions }: Row, at: number, height: number, x: Scale, hasCount: boolean): SVGElement {
  const y = TOP + at * height
  const wide = Math.max(1, Math.min(3, x.at(1) - x.at(0)))
  return svg(
    'g',
    {},
    svg('title', {}, `${layer}: ${grouped(competitions.length)} competitions`),
    svg('line', { class: 'gridline', x1: LEFT, x2: x.at(x.high), y1: y + height / 2, y2: y + height / 2 }),
    svg('path', {
      class: 'turn',
      'stroke-width': wide,
      d: competitions.map((step) => `M${x.at(step).toFixed(1)} ${y + 2}v${height - 4}`).join(''),
    }),
    svg(
      'text',
      { class: 'small', x: LEFT - 7, y: y + height / 2, 'text-anchor': 'end', 'dominant-baseline': 'central' },
      String(at),
    ),
    hasCount
      ? svg(
          'text',
          { class: 'small', x: x.at(x.high) + 8, y: y + height / 2, 'dominant-baseline': 'central' },
          grouped(competitions.length),
        )
      : null,
  )
}

function figure(rows: readonly Row[], figures: Figures): SVGElement {
  const {
    report: { steps, done },
    width,
    cursor,
  } = figures
  const height = rows.length <= 12 ? 18 : rows.length <= 24 ? 13 : 9
  const across = width - LEFT - rightOf(figures)
  const x = scale(0, Math.max(1, done), LEFT, LEFT + across)
  const bottom = TOP + rows.length * height
  const shown = rows.map((row) => ({ ...row, competitions: row.competitions.filter((step) => step <= done) }))
  const guide = svg('line', { class: 'guide', y1: TOP, y2: bottom, visibility: 'hidden' })
  const element = svg(
    'svg',
    {
      class: 'chart',
      width,
      height: bottom + 22,
      tabindex: 0,
      role: 'img',
      'aria-label': `Competitions of ${rows.length} layers in ${steps} steps`,
    },
    ...shown.map((row, at) => turns(row, at, height, x, width >= WIDE)),
    guide,
    ...stepTicks(done, across).map((step) =>
      svg('text', { class: 'small', x: x.at(step), y: bottom + 16, 'text-anchor': 'middle' }, grouped(step)),
    ),
  )
  cursor.follow((step) => {
    guide.setAttribute('visibility', step === null ? 'hidden' : 'visible')
    if (step !== null) for (const end of ['x1', 'x2']) guide.setAttribute(end, String(x.at(step)))
  })
  const competing = (step: number): readonly string[] =>
    shown.filter(({ competitions }) => competitions.includes(step)).map(({ layer }) => layer)
  const all = [...new Set(shown.flatMap(({ competitions }) => competitions))].sort((a, b) => a - b)
  if (all.length > 0)
    listen(
      element,
      figures,
      all,
      (place) => ((place - LEFT) / across) * x.high,
      (step) => x.at(step),
      (step) => [`step ${grouped(step)}`, ...competing(step)],
    )
  return element
}

export function competitionSection(figures: Figures): HTMLElement | null {
  const rows = rowsOf(figures)
  if (rows.length === 0) return null
  const [all, together] = [rows.flatMap(({ competitions }) => competitions), new Map<number, number>()]
  for (const step of all) together.set(step, (together.get(step) ?? 0) + 1)
  const most = Math.max(0, ...together.values())
  const words = `Layers that compete, in ${grouped(together.size)} of ${grouped(figures.report.steps)} steps and at most ${most} in one. Drawn before the first step.`
  return html(
    'section',
    {},
    html('h2', {}, 'Competitions'),
    html('p', {}, words),
    html('figure', { class: 'wide' }, figure(rows, figures)),
  )
}
