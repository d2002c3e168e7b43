/** Lines over the steps of a run. */
import { html, svg } from '../../../routing/page/client/dom.ts'
import { grouped } from '../../../routing/page/client/numbers.ts'
import { nearest, scale, stepTicks, ticks, type Scale } from './axes.ts'
import { LEFT, listen, RIGHT, WIDE, type Figures } from './figures.ts'
import { tickWords } from './numbers.ts'
import { smooth } from './smooth.ts'

type Values = readonly (number | null)[]

export interface Line {
  readonly label: string
  /** A colour of CSS. */
  readonly colour: string
  readonly steps: readonly number[]
  readonly values: Values
  /** The least and the most in each piece, drawn as a band. */
  readonly low?: Values
  readonly high?: Values
  /** Drawn pale, with its course over it. */
  readonly isNoisy?: boolean
  readonly hasDots?: boolean
  /** Whether the least of its values is ringed. */
  readonly hasBest?: boolean
}

export interface Chart {
  readonly title: string
  readonly doc?: string
  readonly lines: readonly Line[]
  readonly width: number
  readonly height: number
  /** The last step of the axis. */
  readonly last: number
  readonly show: (value: number | null) => string
  /** Ends that the upright axis has in any case. */
  readonly from?: number
  readonly to?: number
  /** Whether lines are named at their ends. */
  readonly hasLabels?: boolean
  readonly kind?: 'hero'
}

const [TOP, BOTTOM] = [8, 22]

/** Less than so many values are drawn as they are. */
const FEW = 30

const isNumber = (value: number | null): value is number => value !== null

/** Told of so few steps that a line would say more than is known. */
const isSparse = ({ values }: Line): boolean => values.length >= FEW && values.filter(isNumber).length < 0.7 * values.length

const isSmoothed = (line: Line): boolean => line.isNoisy === true && line.values.length >= FEW && !isSparse(line)

const courseOf = (line: Line): Values =>
  isSmoothed(line) ? smooth(line.values, Math.max(2, line.values.length / 70)) : line.values

/** A few outliers do not press all the rest flat. */
function trimmed(values: Values): readonly number[] {
  const sorted = values.filter(isNumber).sort((a, b) => a - b)
  const cut = sorted.length < 50 ? 0 : Math.floor(sorted.length / 200)
  return sorted.length === 0 ? [] : [sorted[cut], sorted[sorted.length - 1 - cut]]
}

function rangeOf({ lines, from, to }: Chart): readonly [number, number] {
  const ends = lines.flatMap((line) => [...trimmed(line.values), ...(isSmoothed(line) ? courseOf(line).filter(isNumber) : [])])
  const [low, high] = [Math.min(...ends, from ?? Infinity), Math.max(...ends, to ?? -Infinity)]
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1]
  const room = high === low ? Math.abs(high) * 0.1 || 1 : (high - low) * 0.05
  return [low === from ? low : low - room, high === to ? high : high + room]
}

function pathOf(steps: readonly number[], values: Values, x: Scale, y: Scale): string {
  let isOpen = false
  return values
    .map((value, at) => {
      if (value === null) isOpen = false
      else {
        const place = `${isOpen ? 'L' : 'M'}${x.at(steps[at]).toFixed(1)} ${y.at(value).toFixed(1)}`
        isOpen = true
        return place
      }
      return ''
    })
    .join('')
}

function bandOf({ steps, low, high }: Line, x: Scale, y: Scale): string | null {
  if (low === undefined || high === undefined) return null
  const known = steps.flatMap((step, at) =>
    low[at] === null || high[at] === null ? [] : [[x.at(step), y.at(low[at]), y.at(high[at])]],
  )
  const there = known.map(([place, down]) => `${place.toFixed(1)} ${down.toFixed(1)}`)
  const back = known.toReversed().map(([place, , up]) => `${place.toFixed(1)} ${up.toFixed(1)}`)
  return known.length < 2 ? null : `M${there.join('L')}L${back.join('L')}Z`
}

function drawLine(line: Line, x: Scale, y: Scale): readonly (SVGElement | null)[] {
  const { steps, values, colour, hasDots } = line
  const band = isSmoothed(line) ? bandOf(line, x, y) : null
  const dot =
    (r: number) =>
    (value: number | null, at: number): SVGElement | null =>
      value === null
        ? null
        : svg('circle', { class: r > 2 ? 'dot' : null, cx: x.at(steps[at]), cy: y.at(value), r, fill: colour })
  if (isSparse(line)) return values.map(dot(1.8))
  // a line through one point shows nothing
  const isLone = (at: number): boolean => (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null
  const dots =
    hasDots !== true || values.length > 80
      ? values.map((value, at) => (isLone(at) ? dot(1.8)(value, at) : null))
      : values.map(dot(3))
  return [
    band === null ? null : svg('path', { class: 'spread', d: band, fill: colour }),
    isSmoothed(line) ? svg('path', { class: 'line raw', d: pathOf(steps, values, x, y), stroke: colour }) : null,
    svg('path', { class: 'line', d: pathOf(steps, courseOf(line), x, y), stroke: colour }),
    ...dots,
  ]
}

/** The least value, ringed and told. */
function best({ steps, values, colour }: Line, x: Scale, y: Scale, { show, width }: Chart): readonly SVGElement[] {
  const least = Math.min(...values.filter(isNumber))
  const at = values.indexOf(least)
  if (at < 0 || values.length < 2) return []
  const [place, isLate] = [x.at(steps[at]), x.at(steps[at]) > width * 0.7]
  return [
    svg('circle', { class: 'best', cx: place, cy: y.at(least), r: 6.5, stroke: colour }),
    svg(
      'text',
      { class: 'small least', x: place, y: y.at(least) - 14, 'text-anchor': isLate ? 'end' : 'start' },
      `least: ${show(least)} at ${grouped(steps[at])}`,
    ),
  ]
}

/** Names at the ends of the lines, moved apart where they would lie over each other. */
function endLabels(lines: readonly Line[], y: Scale, at: number): readonly SVGElement[] {
  const ends = lines
    .map((line) => ({ line, place: y.at(courseOf(line).findLast(isNumber) ?? y.low) }))
    .sort((a, b) => a.place - b.place)
  for (let i = 1; i < ends.length; i++) ends[i].place = Math.max(ends[i].place, ends[i - 1].place + 15)
  return ends.map(({ line, place }) => svg('text', { class: 'end', x: at, y: place, fill: line.colour }, line.label))
}

function grid(x: Scale, y: Scale, { width, height, last }: Chart, right: number): readonly SVGElement[] {
  const bottom = height - BOTTOM
  const marks = ticks(y.low, y.high, height > 200 ? 6 : 4)
  return [
    ...marks.flatMap((value) => [
      svg('line', { class: 'gridline', x1: LEFT, x2: width - right, y1: y.at(value), y2: y.at(value) }),
      svg(
        'text',
        { class: 'small', x: LEFT - 7, y: y.at(value), 'text-anchor': 'end', 'dominant-baseline': 'central' },
        tickWords(value, marks),
      ),
    ]),
    svg('line', { class: 'axis', x1: LEFT, x2: width - right, y1: bottom, y2: bottom }),
    ...stepTicks(last, width - LEFT - right).map((step) =>
      svg('text', { class: 'small', x: x.at(step), y: bottom + 15, 'text-anchor': 'middle' }, grouped(step)),
    ),
  ]
}

/** The line of the step under the pointer, and a dot on each line. */
function guide(
  lines: readonly Line[],
  x: Scale,
  y: Scale,
  height: number,
): { readonly element: SVGElement; readonly move: (step: number | null) => void } {
  const upright = svg('line', { class: 'guide', y1: TOP, y2: height - BOTTOM })
  const dots = lines.map(({ colour }) => svg('circle', { class: 'dot', r: 3.5, fill: colour }))
  const element = svg('g', { visibility: 'hidden' }, upright, ...dots)
  return {
    element,
    move: (step) => {
      element.setAttribute('visibility', step === null ? 'hidden' : 'visible')
      if (step === null) return
      for (const end of ['x1', 'x2']) upright.setAttribute(end, String(x.at(step)))
      for (const [at, { steps, values }] of lines.entries()) {
        const own = steps.length === 0 ? null : values[nearest(steps, step)]
        dots[at].setAttribute('visibility', own === null ? 'hidden' : 'inherit')
        if (own === null) continue
        dots[at].setAttribute('cx', String(x.at(steps[nearest(steps, step)])))
        dots[at].setAttribute('cy', String(Math.max(TOP, Math.min(height - BOTTOM, y.at(own)))))
      }
    },
  }
}

const words =
  ({ lines, show }: Chart) =>
  (step: number): readonly string[] => [
    `step ${grouped(step)}`,
    ...lines.flatMap(({ label, steps, values }) => {
      if (steps.length === 0) return []
      const at = nearest(steps, step)
      return [`${label}: ${show(values[at])}${steps[at] === step ? '' : ` at ${grouped(steps[at])}`}`]
    }),
  ]

/** Where the lines end, in their colours. */
function lastValues({ lines, show, hasLabels }: Chart): HTMLElement {
  const values = lines.flatMap((line) => {
    const value = line.values.findLast(isNumber)
    if (value === undefined) return []
    const words = html(
      'span',
      {},
      `${hasLabels === true ? `${line.label} ` : ''}${show(isSmoothed(line) ? (courseOf(line).findLast(isNumber) ?? value) : value)}`,
    )
    words.style.color = line.colour
    return [words]
  })
  return html('span', { class: 'last' }, ...values)
}

let charts = 0

export function chart(options: Chart, figures: Figures): HTMLElement {
  const { title, doc, lines, width, height, last, hasLabels, kind } = options
  const isLabelled = hasLabels === true && width >= WIDE
  const right = isLabelled ? RIGHT : 10
  const [low, high] = rangeOf(options)
  const [x, y] = [scale(0, Math.max(1, last), LEFT, width - right), scale(low, high, height - BOTTOM, TOP)]
  const clip = `clip-${++charts}`
  const shown = guide(lines, x, y, height)
  const figure = svg(
    'svg',
    {
      class: 'chart',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      tabindex: 0,
      role: 'img',
      'aria-label': `${title}, over the steps. Arrow keys walk over it; the numbers are in the tables below.`,
    },
    doc === undefined ? null : svg('title', {}, doc),
    svg(
      'clipPath',
      { id: clip },
      svg('rect', { x: LEFT, y: TOP - 4, width: width - LEFT - right + 4, height: height - TOP - BOTTOM + 4 }),
    ),
    ...grid(x, y, options, right),
    svg('g', { 'clip-path': `url(#${clip})` }, ...lines.flatMap((line) => drawLine(line, x, y))),
    ...lines.filter(({ hasBest }) => hasBest === true).flatMap((line) => best(line, x, y, options)),
    ...(isLabelled ? endLabels(lines, y, width - right + 8) : []),
    shown.element,
  )
  figures.cursor.follow(shown.move)
  const main = lines.find(({ steps }) => steps.length > 0)
  if (main !== undefined)
    listen(
      figure,
      figures,
      main.steps,
      (place) => ((place - LEFT) / (width - right - LEFT)) * x.high,
      (step) => x.at(step),
      words(options),
    )
  return html(
    'figure',
    { class: kind === undefined ? null : `wide ${kind}` },
    html('figcaption', {}, title, isLabelled || lines.length > 2 ? null : lastValues(options)),
    figure,
  )
}
