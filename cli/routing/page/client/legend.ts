/** What a colour means. */
import { css, divergingColour, sequentialColour } from '../../colour.ts'
import { position, TICKS } from '../../scale.ts'
import { svg } from './dom.ts'
import { fixed } from './numbers.ts'
import type { State } from './state.ts'

const [WIDTH, HEIGHT, TOP] = [260, 10, 16]

function gradient(colourAt: (at: number) => string): readonly SVGElement[] {
  const steps = 130
  return Array.from({ length: steps }, (_, at) =>
    svg('rect', {
      x: (at * WIDTH) / steps,
      y: TOP,
      width: WIDTH / steps + 0.5,
      height: HEIGHT,
      fill: colourAt(at / (steps - 1)),
    }),
  )
}

/** Words at the ends stay within the bar. */
const tick = (at: number, words: string): SVGElement =>
  svg(
    'g',
    {},
    svg('line', { x1: at, x2: at, y1: TOP + HEIGHT, y2: TOP + HEIGHT + 3, class: 'rule' }),
    svg(
      'text',
      { x: at, y: TOP + HEIGHT + 14, 'text-anchor': at === 0 ? 'start' : at === WIDTH ? 'end' : 'middle', class: 'small' },
      words,
    ),
  )

const frame = (width: number, title: string, ...children: readonly SVGElement[]): SVGElement =>
  svg(
    'svg',
    {
      class: 'legend',
      width,
      height: TOP + HEIGHT + 18,
      viewBox: `0 0 ${width} ${TOP + HEIGHT + 18}`,
      role: 'img',
      'aria-label': title,
    },
    svg('text', { x: 0, y: 10, class: 'small' }, title),
    ...children,
  )

const fractions: Readonly<Record<number, string>> = { 0.25: '¼', 0.5: '½' }

const deadSwatch = (hasCross: boolean): SVGElement =>
  svg(
    'g',
    { transform: `translate(${WIDTH + 24} 0)` },
    svg('rect', { x: 0, y: TOP - 1, width: 12, height: 12, class: hasCross ? 'dead' : 'dead tiny' }),
    hasCross ? svg('path', { d: `M2 ${TOP + 1}l8 8m0 -8l-8 8`, class: 'cross' }) : null,
    svg('text', { x: 18, y: TOP + 9, class: 'small' }, 'dead'),
  )

/** Cells too small for a cross are filled. */
export function loadLegend({ view, theme }: Pick<State, 'view' | 'theme'>, hasCross: boolean): SVGElement {
  if (view === 'difference') {
    return frame(
      WIDTH,
      'load, B less A',
      ...gradient((at) => css(divergingColour(2 * at - 1, theme))),
      tick(0, 'less in B'),
      tick(WIDTH / 2, 'same'),
      tick(WIDTH, 'more'),
    )
  }
  const ticks = TICKS.map((value) => tick(position(value) * WIDTH, fractions[value] ?? String(value)))
  return frame(
    WIDTH + 66,
    'load, times an even share',
    ...gradient((at) => css(sequentialColour(at))),
    ...ticks,
    deadSwatch(hasCross),
  )
}

/** From 0 to `most`; `isCut` where some values are above. */
export function pairLegend({ view, theme }: State, most: number, isCut: boolean): SVGElement {
  const [below, above] = isCut ? ['≤ ', '≥ '] : ['', '']
  if (view === 'difference') {
    return frame(
      WIDTH,
      'co-activation, B less A',
      ...gradient((at) => css(divergingColour(2 * at - 1, theme))),
      tick(0, `${below}−${fixed(most)}`),
      tick(WIDTH / 2, '0'),
      tick(WIDTH, `${above}+${fixed(most)}`),
    )
  }
  return frame(
    WIDTH,
    'co-activation',
    ...gradient((at) => css(sequentialColour(at))),
    tick(0, '0'),
    tick(WIDTH / 2, fixed(most / 2)),
    tick(WIDTH, above + fixed(most)),
  )
}
