/** The load of every expert over the steps: a strip a layer, a line an expert, on the scale of the routing report. */
import type { LayerHistory } from '../../../../training/record/report.ts'
import { loadColour, type Rgb } from '../../../routing/colour.ts'
import { html, svg } from '../../../routing/page/client/dom.ts'
import { loadLegend } from '../../../routing/page/client/legend.ts'
import { fixed, grouped, percent } from '../../../routing/page/client/numbers.ts'
import { relativeLoad } from '../../../routing/scale.ts'
import { nearest, scale, stepTicks } from './axes.ts'
import { LEFT, listen, rightOf, type Figures } from './figures.ts'

const DEAD: Rgb = [194, 53, 43]

/** Pixels of an expert's line. */
const lineHeight = (experts: number): number => Math.max(1, Math.min(14, Math.floor(112 / experts)))

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)

/** A pixel a piece and expert. */
function paint({ load, experts }: LayerHistory): HTMLCanvasElement {
  const canvas = html('canvas', { width: Math.max(1, load.length), height: experts })
  const image = new ImageData(Math.max(1, load.length), experts)
  for (const [piece, counts] of load.entries()) {
    const kept = sum(counts)
    for (const [expert, count] of counts.entries()) {
      const colour = count === 0 ? DEAD : loadColour(relativeLoad(count, experts, kept))
      image.data.set([...colour, kept === 0 ? 0 : 255], 4 * (expert * load.length + piece))
    }
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0)
  return canvas
}

const wordsAt =
  ({ load, experts }: LayerHistory, steps: readonly number[], expert: () => number | null) =>
  (step: number): readonly string[] => {
    const [at, own] = [nearest(steps, step), expert()]
    const [counts, from] = [load[at], (at === 0 ? 0 : steps[at - 1]) + 1]
    const kept = sum(counts)
    const head = from === step ? `step ${grouped(step)}` : `steps ${grouped(from)} to ${grouped(step)}`
    const tell = (which: number): string =>
      `expert ${which}: ${percent(counts[which] / Math.max(1, kept))}, ${fixed(relativeLoad(counts[which], experts, kept))} × even`
    if (own !== null) return [head, tell(own)]
    return [
      head,
      `busiest ${tell(counts.indexOf(Math.max(...counts)))}`,
      `least busy ${tell(counts.indexOf(Math.min(...counts)))}`,
    ]
  }

/** What the last piece says. */
function ending({ load, experts, maxVio, allocationEntropy }: LayerHistory): string {
  const last = load.at(-1) ?? []
  const dead = last.filter((count) => count === 0).length
  return [
    `at the end: MaxVio ${fixed(maxVio.at(-1) ?? null)}`,
    `entropy ${fixed(allocationEntropy.at(-1) ?? null)}`,
    dead === 0 ? `all ${experts} experts busy` : `${dead} of ${experts} dead`,
  ].join(', ')
}

function strip(layer: LayerHistory, figures: Figures): HTMLElement {
  const {
    report: {
      routing: { steps },
    },
    width,
    cursor,
  } = figures
  const [across, cell] = [width - LEFT - rightOf(figures), lineHeight(layer.experts)]
  const canvas = paint(layer)
  canvas.style.cssText = `margin-left:${LEFT}px;width:${across}px;height:${cell * layer.experts}px`
  const at = html('div', { class: 'at', hidden: '' })
  const box = html(
    'div',
    { class: 'strip', tabindex: 0, role: 'img', 'aria-label': `Load of the experts of ${layer.layer} over the steps` },
    html('div', { class: 'name' }, html('code', {}, layer.layer), html('span', {}, ending(layer))),
    html('div', { class: 'experts' }, '0'),
    html('div', { class: 'experts' }, String(layer.experts - 1)),
    canvas,
    at,
  )
  box.style.paddingRight = `${rightOf(figures)}px`
  const [first, last] = box.querySelectorAll<HTMLElement>('.experts')
  for (const label of [first, last]) label.style.width = `${LEFT}px`
  last.style.bottom = '0'
  const x = scale(0, steps.at(-1) ?? 1, LEFT, LEFT + across)
  cursor.follow((step) => {
    at.hidden = step === null
    if (step !== null) at.style.cssText = `left:${x.at(step)}px;bottom:0;height:${cell * layer.experts}px`
  })
  let expert: number | null = null
  box.addEventListener('pointermove', ({ clientY }) => {
    const place = (clientY - canvas.getBoundingClientRect().top) / cell
    expert = place >= 0 && place < layer.experts ? Math.floor(place) : null
  })
  box.addEventListener('keydown', () => void (expert = null))
  listen(
    box,
    figures,
    steps,
    (place) => ((place - LEFT) / across) * x.high,
    (step) => x.at(step),
    wordsAt(layer, steps, () => expert),
  )
  return box
}

/** The numbers of the steps, once for all strips. */
function axis(figures: Figures): SVGElement {
  const {
    report: {
      routing: { steps },
    },
    width,
  } = figures
  const across = width - LEFT - rightOf(figures)
  const last = steps.at(-1) ?? 1
  const x = scale(0, last, LEFT, LEFT + across)
  return svg(
    'svg',
    { width, height: 22, 'aria-hidden': 'true' },
    ...stepTicks(last, across).map((step) =>
      svg('text', { class: 'small', x: x.at(step), y: 16, 'text-anchor': 'middle' }, grouped(step)),
    ),
  )
}

export const strips = (figures: Figures): HTMLElement =>
  html(
    'div',
    { class: 'strips' },
    loadLegend({ view: 0, theme: 'light' }, false),
    ...figures.report.routing.layers.filter(({ load }) => load.length > 0).map((layer) => strip(layer, figures)),
    axis(figures),
  )
