/** The page: draws from its data, and again when a layer, a view, the width or the theme changes. */
import { IDS, type PageData } from '../data.ts'
import { html } from './dom.ts'
import { layerPanel } from './layer-panel.ts'
import { loadFigure, type LoadFigure } from './load-figure.ts'
import { labelsFor, letter, type State, type View } from './state.ts'
import { tables } from './tables.ts'
import { createTooltip } from './tooltip.ts'
import { describe, summary } from './words.ts'

const { reports, names } = JSON.parse(document.getElementById(IDS.data)?.textContent ?? '') as PageData
const root = document.getElementById(IDS.root)!
const dark = matchMedia('(prefers-color-scheme: dark)')
const tooltip = createTooltip()
let isPrinting = false
let state: State = {
  reports,
  names,
  labels: labelsFor(reports),
  view: reports.length === 2 ? 1 : 0,
  theme: 'light',
  // the most uneven layer is the one to look at
  layer: reports[0].layers.reduce((best, { cv }, at) => ((cv ?? -1) > (reports[0].layers[best].cv ?? -1) ? at : best), 0),
}

const models = [...new Set(reports.map(({ model }) => model))].join(' and ')

const heading = (): readonly HTMLElement[] => [
  html('h1', {}, `Routing of ${models}`),
  ...reports.map((report, at) =>
    html(
      'p',
      { class: 'about' },
      reports.length === 1 ? '' : html('strong', {}, `${letter(at)} `),
      reports.length === 1 ? '' : `${names[at]}: `,
      describe(report),
      '. ',
      summary(state, at),
    ),
  ),
]

const views: readonly (readonly [View, string])[] = [
  [0, 'A'],
  [1, 'B'],
  ['difference', 'B − A'],
]

/** Buttons that only one of can be down. */
function switches(): HTMLElement | null {
  if (reports.length === 1) return null
  const buttons = views.map(([view, words]) => {
    const button = html('button', { type: 'button', 'aria-pressed': String(state.view === view), 'data-view': view }, words)
    button.addEventListener('click', () => {
      change({ view })
      figures.querySelector<HTMLElement>(`[data-view="${view}"]`)?.focus()
    })
    return button
  })
  return html('div', { class: 'switches', role: 'group', 'aria-label': 'What is drawn' }, ...buttons)
}

const figures = html('div', {})
const panel = html('div', {})
let figure: LoadFigure | null = null

function drawPanel(): void {
  panel.replaceChildren(layerPanel(state, figures.clientWidth, tooltip))
}

function chooseLayer(layer: number): void {
  state = { ...state, layer }
  tooltip.hide()
  figure?.choose(layer)
  drawPanel()
}

function draw(): void {
  tooltip.hide()
  figure = loadFigure(state, figures.clientWidth, tooltip, chooseLayer)
  const hint = reports[0].layers.length === 1 ? '' : 'A click on a row, or the arrow keys, choose the layer below.'
  figures.replaceChildren(...[switches()].filter((node) => node !== null), figure.element, html('p', { class: 'hint' }, hint))
  drawPanel()
}

function change(part: Partial<State>): void {
  state = { ...state, theme: dark.matches && !isPrinting ? 'dark' : 'light', ...part }
  draw()
}

root.replaceChildren(...heading(), figures, panel, tables(state), tooltip.element)
change({})
dark.addEventListener('change', () => change({}))
addEventListener('beforeprint', () => {
  isPrinting = true
  change({})
})
addEventListener('afterprint', () => {
  isPrinting = false
  change({})
})
let width = root.clientWidth
addEventListener('resize', () => {
  if (root.clientWidth !== width) change({})
  width = root.clientWidth
})
