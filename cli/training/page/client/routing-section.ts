/** What routing did. */
import type { LayerHistory } from '../../../../training/record/report.ts'
import { css, sequentialColour, type Theme } from '../../../routing/colour.ts'
import { html } from '../../../routing/page/client/dom.ts'
import { fixed } from '../../../routing/page/client/numbers.ts'
import { chart, type Chart } from './chart.ts'
import type { Figures } from './figures.ts'
import { gridOf } from './small-charts.ts'
import { strips } from './strips.ts'

/** The piece of the scale that is seen on the page. */
const SEEN: { readonly [T in Theme]: readonly [first: number, last: number] } = { light: [0.05, 0.72], dark: [0.4, 1] }

/** Dark for the first layer, light for the last. */
function colourOf(layer: number, count: number, theme: Theme): string {
  const [first, last] = SEEN[theme]
  return css(sequentialColour(first + (last - first) * (count < 2 ? 0.3 : layer / (count - 1))))
}

const SOME = 12

/** Which colour is which layer. */
function keys({
  report: {
    routing: { layers },
  },
  theme,
}: Figures): HTMLElement | null {
  if (layers.length < 2) return null
  const told = layers.length <= SOME ? layers.map((_, at) => at) : [0, Math.floor((layers.length - 1) / 2), layers.length - 1]
  return html(
    'div',
    { class: 'keys' },
    ...told.map((at) => {
      const swatch = html('i')
      swatch.style.background = colourOf(at, layers.length, theme)
      return html('span', {}, swatch, layers[at].layer)
    }),
  )
}

type Measure = readonly [
  title: string,
  doc: string,
  of: (layer: LayerHistory) => readonly (number | null)[],
  more: Partial<Chart>,
]

const overSteps: readonly Measure[] = [
  ['MaxVio', 'How far the busiest expert is over an even share.', ({ maxVio }) => maxVio, { from: 0 }],
  ['CV of the load', 'Its deviation over its mean: 0 is even.', ({ cv }) => cv, { from: 0 }],
  ['entropy of the load', 'Over its largest value: 1 is even.', ({ allocationEntropy }) => allocationEntropy, { to: 1 }],
  ['entropy of the weights', '1 where all chosen experts count the same.', ({ weightEntropy }) => weightEntropy, { to: 1 }],
]

const overProbes: readonly Measure[] = [
  [
    'experts that changed',
    'Share of the chosen experts that were others at the last probe, on examples that stay the same.',
    ({ changeSet }) => changeSet,
    { from: 0 },
  ],
  [
    'first experts that changed',
    'Share of the tokens whose first expert was another at the last probe.',
    ({ changeTop1 }) => changeTop1,
    { from: 0 },
  ],
]

function measures(figures: Figures): HTMLElement {
  const {
    report: {
      routing: { layers, steps, probes },
      done,
    },
    theme,
  } = figures
  const draw =
    (at: readonly number[], hasDots: boolean) =>
    ([title, doc, of, more]: Measure) =>
    (width: number): HTMLElement =>
      chart(
        {
          title,
          doc,
          width,
          height: 160,
          last: done,
          show: fixed,
          ...more,
          lines: layers.map((layer, index) => ({
            label: layer.layer,
            colour: colourOf(index, layers.length, theme),
            steps: at,
            values: of(layer),
            isNoisy: !hasDots,
            hasDots,
          })),
        },
        figures,
      )
  const has = ([, , of]: Measure): boolean => layers.some((layer) => of(layer).some((value) => value !== null))
  return gridOf(figures, 300, [
    ...overSteps.filter(has).map(draw(steps, false)),
    ...overProbes.filter(has).map(draw(probes, true)),
  ])
}

export function routingSection(figures: Figures): HTMLElement | null {
  const {
    routing: { layers },
  } = figures.report
  if (layers.every(({ load }) => load.length === 0)) return null
  return html(
    'section',
    {},
    html('h2', {}, 'Load of the experts'),
    html('p', {}, 'A line an expert; red where it gets no token.'),
    strips(figures),
    keys(figures),
    measures(figures),
  )
}
