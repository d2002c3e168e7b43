/** The page of an evaluation: figures, the loss by position, and the routed layers. */
import { IDS } from '../../../routing/page/data.ts'
import { html, table } from '../../../routing/page/client/dom.ts'
import { windowWords, type EvalReport } from '../../report.ts'
import { loadFigure } from './load.ts'
import { lossFigure } from './loss.ts'

const report = JSON.parse(document.getElementById(IDS.data)?.textContent ?? '') as EvalReport
const root = document.getElementById(IDS.root)!

const precise = (value: number | null): string => (value === null ? '-' : value.toPrecision(6))
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

function models(): HTMLElement {
  const { model, to, perplexity, loss, bitsPerByte, accuracy, other } = report
  const head = ['model', 'perplexity', 'nats a token', 'bits a byte', 'top-1']
  const rows = [[model, precise(perplexity), precise(loss), precise(bitsPerByte), percent(accuracy)]]
  if (other !== null)
    rows.push([
      `to ${to}`,
      precise(other.perplexity),
      precise(other.loss),
      precise(bitsPerByte === null ? null : (bitsPerByte * other.loss) / loss),
      percent(other.accuracy),
    ])
  return table('Mean over all predictions', head, rows)
}

function beside(): HTMLElement | null {
  const { other, to, model } = report
  if (other === null) return null
  return html('p', {}, `Top-1 agreement ${percent(other.agreement)}; KL(${to} || ${model}) ${precise(other.divergence)} nats.`)
}

function layers(): HTMLElement | null {
  if (report.layers.length === 0) return null
  const rows = report.layers.map(({ name, experts, k, load, dropped, cv, maxVio, change }) => [
    name,
    `${k} of ${experts}`,
    String(Math.min(...load)),
    String(Math.max(...load)),
    String(dropped),
    cv === null ? '-' : cv.toFixed(3),
    maxVio === null ? '-' : maxVio.toFixed(3),
    change === null ? '-' : percent(change.set),
    change === null ? '-' : percent(change.top1),
  ])
  const head = ['layer', 'experts', 'least', 'most', 'dropped', 'CV', 'MaxVio', 'changed', 'first changed']
  return table('Routed layers', head, rows)
}

const texts = report.texts.map(
  ({ name, tokens, bytes }) => `${name} (${tokens} tokens${bytes === null ? '' : `, ${bytes} bytes`})`,
)
const figures = html('div', {})

function draw(): void {
  const found = [lossFigure(report, figures.clientWidth), loadFigure(report.layers, figures.clientWidth)]
  figures.replaceChildren(...found.filter((figure) => figure !== null))
}

root.replaceChildren(
  ...[
    html('h1', {}, `Evaluation of ${report.model}`),
    html(
      'p',
      { class: 'about' },
      `${report.scored} predictions in ${windowWords(report)}, on ${report.adapter}: ${texts.join(', ')}.`,
    ),
    models(),
    beside(),
    figures,
    layers(),
  ].filter((node) => node !== null),
)
draw()
addEventListener('resize', draw)
