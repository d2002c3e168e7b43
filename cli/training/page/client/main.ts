/** The page: draws from its data, and again when the width changes or the theme changes, or it is printed. */
import type { TrainingReport } from '../../../../training/record/report.ts'
import { html } from '../../../routing/page/client/dom.ts'
import { createTooltip } from '../../../routing/page/client/tooltip.ts'
import { IDS } from '../../../routing/page/data.ts'
import { competitionSection } from './competitions.ts'
import { createCursor } from './cursor.ts'
import { kernelSection } from './kernels.ts'
import { lossFigure } from './loss.ts'
import { routingSection } from './routing-section.ts'
import { smallCharts } from './small-charts.ts'
import { tables } from './tables.ts'
import { verdictList } from './verdicts.ts'
import { describe, summary } from './words.ts'

const report = JSON.parse(document.getElementById(IDS.data)?.textContent ?? '') as TrainingReport
const root = document.getElementById(IDS.root)!
/** What figures need at the least; a narrower window scrolls. */
const NARROWEST = 280

const [tooltip, cursor, figures] = [createTooltip(), createCursor(), html('div', {})]

const dark = matchMedia('(prefers-color-scheme: dark)')
let isPrinting = false

function draw(): void {
  tooltip.hide()
  cursor.clear()
  const given = {
    report,
    cursor,
    tooltip,
    width: Math.max(NARROWEST, figures.clientWidth),
    theme: dark.matches && !isPrinting ? 'dark' : 'light',
  } as const
  const parts = report.done === 0 ? [] : [lossFigure(given), smallCharts(given), routingSection(given), competitionSection(given)]
  figures.replaceChildren(...[...parts, kernelSection(given)].filter((part) => part !== null))
}

root.replaceChildren(
  html('h1', {}, `Training of ${report.model}`),
  html('p', { class: 'about' }, describe(report)),
  html('p', { class: 'about' }, summary(report)),
  ...[verdictList(report)].filter((list) => list !== null),
  figures,
  tables(report),
  tooltip.element,
)
draw()
dark.addEventListener('change', draw)
for (const event of ['beforeprint', 'afterprint']) {
  addEventListener(event, () => {
    isPrinting = event === 'beforeprint'
    draw()
  })
}
let width = root.clientWidth
addEventListener('resize', () => {
  if (root.clientWidth !== width) draw()
  width = root.clientWidth
})
