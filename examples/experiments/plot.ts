/** Lines with the range over seeds behind them, as SVG that reads on light and dark; both axes logarithmic, or both linear. */

export interface Point {
  readonly x: number
  readonly y: number
  readonly low: number
  readonly high: number
}

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
}

export interface Plot {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly scale: 'log' | 'linear'
  readonly series: readonly Series[]
}

/** Least squares of log y over log x. */
export function slopeOf(points: readonly Point[]): number {
  const [xs, ys] = [points.map(({ x }) => Math.log(x)), points.map(({ y }) => Math.log(y))]
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const [mx, my] = [mean(xs), mean(ys)]
  const top = xs.reduce((sum, x, at) => sum + (x - mx) * (ys[at] - my), 0)
  return top / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0)
}

// told apart also by those who see no red or no green
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [680, 420, 72, 24, 48, 56]
const LEGEND = 190

interface Axis {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

/** Round steps that cut a range into about five. */
function linearTicks(low: number, high: number): readonly number[] {
  const rough = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((lead) => lead * power).find((size) => size >= rough)!
  return Array.from({ length: 12 }, (_, at) => (Math.ceil(low / step) + at) * step).filter((tick) => tick <= high)
}

const logTicks = (low: number, high: number): readonly number[] =>
  Array.from({ length: 16 }, (_, at) => [1, 2, 5].map((lead) => lead * 10 ** (at - 8)))
    .flat()
    .filter((tick) => tick >= low && tick <= high)

function axisOf(low: number, high: number, from: number, to: number, scale: Plot['scale']): Axis {
  const [value, first, last] =
    scale === 'log'
      ? [Math.log, low / 1.25, high * 1.25]
      : [(x: number) => x, low - (high - low) * 0.04, high + (high - low) * 0.06]
  const at = (x: number): number => from + ((to - from) * (value(x) - value(first))) / (value(last) - value(first))
  return { at, ticks: scale === 'log' ? logTicks(first, last) : linearTicks(first, last) }
}

const pixels = (x: number): string => x.toFixed(1)

function drawSeries({ points }: Series, colour: string, across: Axis, up: Axis): string {
  const place = (x: number, y: number): string => `${pixels(across.at(x))},${pixels(up.at(y))}`
  const band = [...points.map(({ x, high }) => place(x, high)), ...points.toReversed().map(({ x, low }) => place(x, low))].join(
    ' ',
  )
  const dots = points
    .map(({ x, y }) => `<circle cx="${pixels(across.at(x))}" cy="${pixels(up.at(y))}" r="3" fill="${colour}"/>`)
    .join('')
  return `<polygon points="${band}" fill="${colour}" fill-opacity="0.12"/><polyline points="${points.map(({ x, y }) => place(x, y)).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}`
}

export function plot({ title, x, y, scale, series }: Plot): string {
  const all = series.flatMap(({ points }) => points)
  const [first, last] = [Math.min(...all.map((point) => point.x)), Math.max(...all.map((point) => point.x))]
  const right = WIDTH - RIGHT - LEGEND
  const across = axisOf(first, last, LEFT, right, scale)
  const up = axisOf(Math.min(...all.map(({ low }) => low)), Math.max(...all.map(({ high }) => high)), HEIGHT - BOTTOM, TOP, scale)
  const shown = (tick: number): string => String(Number(tick.toPrecision(3)))
  const ticks = [
    ...up.ticks.map(
      (tick) =>
        `<line x1="${LEFT}" x2="${right}" y1="${pixels(up.at(tick))}" y2="${pixels(up.at(tick))}" stroke="#e2e8f0"/><text x="${LEFT - 10}" y="${pixels(up.at(tick) + 4)}" text-anchor="end">${shown(tick)}</text>`,
    ),
    ...across.ticks.map(
      (tick) =>
        `<line x1="${pixels(across.at(tick))}" x2="${pixels(across.at(tick))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#e2e8f0"/><text x="${pixels(across.at(tick))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${shown(tick)}</text>`,
    ),
  ].join('\n')
  const drawn = series.map((one, at) => drawSeries(one, COLOURS[at % COLOURS.length], across, up)).join('\n')
  const legend = series
    .map(
      ({ name }, at) =>
        `<circle cx="${right + 20}" cy="${TOP + 10 + 22 * at}" r="4" fill="${COLOURS[at % COLOURS.length]}"/><text x="${right + 32}" y="${TOP + 14 + 22 * at}">${name}</text>`,
    )
    .join('\n')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#334155">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff" rx="8"/>
<text x="${LEFT}" y="28" font-size="16" font-weight="600">${title}</text>
${ticks}
<text x="${(LEFT + right) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${x}</text>
<text transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${y}</text>
${drawn}
${legend}
</svg>
`
}
