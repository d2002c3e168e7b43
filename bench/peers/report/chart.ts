/** The report as an SVG: a panel for each T, a line for each candidate, from its best time to its median. */
import { milliseconds } from '../../../cli/output.ts'
import type { Outcome, Report, Result } from '../results.ts'

const WIDTH = 800
const LEFT = 270
const RIGHT = 150
const TOP = 52
const LINE = 22
const HEAD = 30
const FOOT = 30
const OURS = '#2563eb'
const OTHERS = '#64748b'

type Timed = Extract<Outcome, { kind: 'timed' }>

interface Bar {
  readonly label: string
  readonly isOurs: boolean
  readonly time: Timed
}

interface Scale {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const barsOf = (results: readonly Result[], place: number): readonly Bar[] =>
  results
    .flatMap(({ name, label, outcomes }) => {
      const time = outcomes[place]
      return time.kind === 'timed' ? [{ label, isOurs: name.startsWith('smoe'), time }] : []
    })
    .toSorted((a, b) => a.time.best - b.time.best)

/** Logarithmic, with ticks at 1, 2 and 5 times powers of ten. */
function scaleOf(bars: readonly Bar[]): Scale {
  const low = Math.log10(Math.min(...bars.map(({ time }) => time.best)) * 0.85)
  const high = Math.log10(Math.max(...bars.map(({ time }) => time.median)) * 1.1)
  const candidates = Array.from({ length: 12 }, (_, power) => power - 5).flatMap((power) =>
    [1, 2, 5].map((step) => step * 10 ** power),
  )
  return {
    at: (value) => LEFT + ((Math.log10(value) - low) / (high - low)) * (WIDTH - LEFT - RIGHT),
    ticks: candidates.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high),
  }
}

function bar({ label, isOurs, time }: Bar, y: number, { at }: Scale): string {
  const colour = isOurs ? OURS : OTHERS
  const [best, median] = [at(time.best).toFixed(1), at(time.median).toFixed(1)]
  const weight = isOurs ? ' font-weight="600"' : ''
  return `<text x="${LEFT - 14}" y="${y + 4}" text-anchor="end" fill="${colour}"${weight}>${escape(label)}</text>
<line x1="${best}" x2="${median}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3" stroke-opacity="0.35"/>
<line x1="${median}" x2="${median}" y1="${y - 5}" y2="${y + 5}" stroke="${colour}" stroke-width="2"/>
<circle cx="${best}" cy="${y}" r="5" fill="${colour}"/>
<text x="${WIDTH - 16}" y="${y + 4}" text-anchor="end">${milliseconds(time.best)} / ${milliseconds(time.median)}</text>
`
}

const tick = (value: number, top: number, bottom: number, { at }: Scale): string => {
  const x = at(value).toFixed(1)
  return `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" stroke="#e2e8f0"/>
<text x="${x}" y="${bottom + 14}" text-anchor="middle" font-size="11">${String(Number(value.toPrecision(1)))}</text>
`
}

const panelHeight = (bars: readonly Bar[]): number => HEAD + bars.length * LINE + FOOT

function panel(tokens: number, bars: readonly Bar[], top: number): string {
  if (bars.length === 0) return ''
  const scale = scaleOf(bars)
  const [first, bottom] = [top + HEAD, top + HEAD + bars.length * LINE - 6]
  return `<text x="16" y="${top + 14}" font-size="14" font-weight="600">T = ${tokens}, milliseconds</text>
<text x="${WIDTH - 16}" y="${top + 14}" text-anchor="end" font-size="11">best / median</text>
${scale.ticks.map((value) => tick(value, first - 8, bottom, scale)).join('')}${bars
    .map((one, place) => bar(one, first + 4 + place * LINE, scale))
    .join('')}`
}

export function reportChart({ size: { experts, k, width, hidden }, tokens, results }: Report): string {
  const panels = tokens.map((count, place) => ({ count, bars: barsOf(results, place) }))
  const tops = panels.map((_, place) => TOP + panels.slice(0, place).reduce((all, { bars }) => all + panelHeight(bars), 0))
  const height = TOP + panels.reduce((all, { bars }) => all + panelHeight(bars), 0)
  const style = 'font-family="system-ui, sans-serif" font-size="13" fill="#334155"'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ${style}>
<rect width="${WIDTH}" height="${height}" fill="#ffffff" rx="8"/>
<text x="16" y="30" font-size="16" font-weight="600">One layer, E=${experts} k=${k} d=${width} ff=${hidden}, f32: time of a run</text>
${panels.map(({ count, bars }, place) => panel(count, bars, tops[place])).join('')}</svg>
`
}
