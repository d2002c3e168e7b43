/** The page of an inspection: verdicts in a table, then every layer beside the others. */
import type { LayerInspection, LayerTokens } from '../../../../analysis/inspect/layer.ts'
import type { LayerLoad } from '../../../../analysis/eval/layers.ts'
import { loadFigure } from '../../../eval/page/client/load.ts'
import { html, table } from '../../../routing/page/client/dom.ts'
import { IDS } from '../../../routing/page/data.ts'
import { differenceRows, tokenCells, TOKENS, weightRow, WEIGHTS, type InspectReport } from '../../report.ts'
import { differenceFigure, normFigure, similarityFigure, spectrumFigure } from './multiples.ts'

const report = JSON.parse(document.getElementById(IDS.data)?.textContent ?? '') as InspectReport
const root = document.getElementById(IDS.root)!
const { layers } = report
const dark = matchMedia('(prefers-color-scheme: dark)')

const loadOf = ({ layer: name, experts }: LayerInspection, { load, dropped, cv, maxVio }: LayerTokens): LayerLoad => ({
  name,
  experts,
  k: 0,
  load,
  dropped,
  cv,
  maxVio,
  change: null,
})

type OfLayer = (layer: LayerInspection) => LayerTokens | null
const own: OfLayer = ({ tokens }) => tokens
const others: OfLayer = ({ difference }) => difference?.tokens ?? null

function tokenTable(caption: string, of: OfLayer): HTMLElement | null {
  const rows = layers.flatMap((layer) => {
    const tokens = of(layer)
    return tokens === null ? [] : [[layer.layer, ...tokenCells(tokens)]]
  })
  return rows.length === 0 ? null : table(caption, ['layer', ...TOKENS], rows)
}

function loads(of: OfLayer, width: number): HTMLElement | null {
  const found = layers.flatMap((layer) => {
    const tokens = of(layer)
    return tokens === null ? [] : [loadOf(layer, tokens)]
  })
  return loadFigure(found, width)
}

function differences(): HTMLElement | null {
  if (layers.every(({ difference }) => difference === null)) return null
  const [head, ...rows] = differenceRows(layers)
  return table(`Weights of ${report.with} against those of ${report.model}`, head, rows)
}

function about(): string {
  const { tokens, with: other } = report
  const beside = other === null ? '' : `, beside ${other}`
  const on = tokens === null ? '' : `; ${tokens.count} tokens in windows of ${tokens.context}, on ${tokens.adapter}`
  return layers.length === 0 ? 'A dense model: it has no routed layers.' : `${layers.length} routed layers${beside}${on}.`
}

const figures = html('div', {})

function draw(): void {
  const width = figures.clientWidth
  if (layers.length === 0) return
  const found = [
    similarityFigure(layers, dark.matches ? 'dark' : 'light'),
    normFigure(layers),
    spectrumFigure(layers),
    loads(own, width),
    differenceFigure(layers, width),
  ]
  figures.replaceChildren(...found.filter((figure) => figure !== null))
}

root.replaceChildren(
  ...[
    html('h1', {}, `Inspection of ${report.model}`),
    html('p', { class: 'about' }, about()),
    ...report.notes.map((note) => html('p', { class: 'hint' }, note)),
    layers.length === 0 ? null : table('Weights: a number, then its verdict', WEIGHTS, layers.map(weightRow)),
    tokenTable('On the tokens', own),
    differences(),
    tokenTable(`On the tokens, in ${report.with}`, others),
    figures,
  ].filter((node) => node !== null),
)
draw()
addEventListener('resize', draw)
dark.addEventListener('change', draw)
