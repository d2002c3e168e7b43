/** A log-log plot with fitted slopes, as SVG that reads on light and dark. */

export interface Point {
  readonly x: number
  readonly y: number
  readonly low: number
  readonly high: number
}

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
  readonly slope: number
}

/** Least squares of log y over log x. */
export function slopeOf(points: readonly Point[]): number {
  const [xs, ys] = [points.map(({ x }) => Math.log(x)), points.map(({ y }) => Math.log(y))]
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const [mx, my] = [mean(xs), mean(ys)]
  const top = xs.reduce((sum, x, at) => sum + (x - mx) * (ys[at] - my), 0)
  return top / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0)
}

const COLOURS = ['#2563eb', '#ea580c', '#059669', '#9333ea']
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [680, 420, 72, 24, 48, 56]

export function logLogPlot(title: string, xTitle: string, yTitle: string, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points)
  const [x0, x1] = [Math.min(...all.map(({ x }) => x)) / 1.2, Math.max(...all.map(({ x }) => x)) * 1.2]
  const [y0, y1] = [Math.min(...all.map(({ low }) => low)) / 1.3, Math.max(...all.map(({ high }) => high)) * 1.3]
  const across = (x: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(x / x0)) / Math.log(x1 / x0)
  const up = (y: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * Math.log(y / y0)) / Math.log(y1 / y0)
  const decades = Array.from({ length: 12 }, (_, at) => [1, 2, 5].map((lead) => lead * 10 ** (at - 8))).flat()
  const yTicks = decades.filter((y) => y >= y0 && y <= y1)
  const xTicks = [...new Set(all.map(({ x }) => x))]
  const grid = [
    ...yTicks.map((y) => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${up(y).toFixed(1)}" y2="${up(y).toFixed(1)}"/>`),
    ...xTicks.map((x) => `<line x1="${across(x).toFixed(1)}" x2="${across(x).toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`),
  ].join('')
  const labels = [
    ...yTicks.map((y) => `<text x="${LEFT - 10}" y="${(up(y) + 4).toFixed(1)}" text-anchor="end">${Number(y.toPrecision(2))}</text>`),
    ...xTicks.map((x) => `<text x="${across(x).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${x}</text>`),
  ].join('')
  const drawn = series.map(({ points, name, slope }, at) => {
    const colour = COLOURS[at % COLOURS.length]
    const bars = points.map(({ x, low, high }) => `<line x1="${across(x).toFixed(1)}" x2="${across(x).toFixed(1)}" y1="${up(low).toFixed(1)}" y2="${up(high).toFixed(1)}" stroke="${colour}" stroke-opacity="0.45" stroke-width="5"/>`).join('')
    const path = points.map(({ x, y }) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`).join(' ')
    const dots = points.map(({ x, y }) => `<circle cx="${across(x).toFixed(1)}" cy="${up(y).toFixed(1)}" r="4" fill="${colour}"/>`).join('')
    const legend = `<circle cx="${WIDTH - 230}" cy="${TOP + 16 + 20 * at}" r="4" fill="${colour}"/><text x="${WIDTH - 218}" y="${TOP + 20 + 20 * at}">${name}, slope ${slope.toFixed(2)}</text>`
    return `${bars}<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}${legend}`
  }).join('')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#334155">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff" rx="8"/>
<text x="${LEFT}" y="28" font-size="16" font-weight="600">${title}</text>
<g stroke="#e2e8f0">${grid}</g>
${labels}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${xTitle}</text>
<text transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${yTitle}</text>
${drawn}
</svg>
`
}
