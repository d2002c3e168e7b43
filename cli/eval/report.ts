/** What an evaluation found, for programs and people. */
import type { Evaluation } from '../../analysis/eval/evaluate.ts'
import type { LayerLoad } from '../../analysis/eval/layers.ts'
import { table } from '../output.ts'

export interface EvalReport extends Evaluation {
  readonly model: string
  /** The name of the other model; null for none. */
  readonly to: string | null
  readonly adapter: string
  readonly context: number
  readonly stride: number
  readonly texts: readonly { readonly name: string; readonly tokens: number; readonly bytes: number | null }[]
}

/** Six figures that matter. */
const precise = (value: number): string => value.toPrecision(6)
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
const figure = (value: number | null): string => (value === null ? '-' : value.toFixed(3))

/** `windows of 512 tokens that do not overlap`; the protocol that a perplexity means nothing without. */
export function windowWords({ context, stride }: Pick<EvalReport, 'context' | 'stride'>): string {
  const windows = `windows of ${context} tokens`
  return stride === context ? `${windows} that do not overlap` : `${windows}, ${stride} apart, with the earlier targets masked`
}

function summary(report: EvalReport): string {
  const { model, to, perplexity, loss, bitsPerByte, accuracy, other } = report
  const rows = [
    ['', 'perplexity', 'nats a token', 'bits a byte', 'top-1'],
    [model, precise(perplexity), precise(loss), bitsPerByte === null ? '-' : precise(bitsPerByte), percent(accuracy)],
  ]
  if (other === null) return table(rows, '<>>>>')
  const otherBits = bitsPerByte === null ? '-' : precise((bitsPerByte * other.loss) / loss)
  rows.push([`to ${to}`, precise(other.perplexity), precise(other.loss), otherBits, percent(other.accuracy)])
  const beside = `top-1 agreement ${percent(other.agreement)}, KL(${to} || ${model}) ${precise(other.divergence)} nats\n`
  return `${table(rows, '<>>>>')}${beside}`
}

const layerRow = ({ name, experts, k, load, dropped, cv, maxVio, change }: LayerLoad, isCompared: boolean): readonly string[] => [
  name,
  `${k} of ${experts}`,
  String(Math.min(...load)),
  String(Math.max(...load)),
  String(dropped),
  figure(cv),
  figure(maxVio),
  ...(isCompared ? (change === null ? ['-', '-'] : [percent(change.set), percent(change.top1)]) : []),
]

/** The layers of a routed model, a line each. */
function layerTable({ layers, other }: EvalReport): string {
  const isCompared = other !== null
  const head = ['layer', 'experts', 'least', 'most', 'dropped', 'CV', 'MaxVio', ...(isCompared ? ['changed', 'first'] : [])]
  return table([head, ...layers.map((layer) => layerRow(layer, isCompared))], '<>>>>>>>>')
}

export function evalText(report: EvalReport): string {
  const { layers, scored, windows, allWindows } = report
  const ended = windows < allWindows ? `, ended after ${windows} of ${allWindows} windows` : ''
  const protocol = `${scored} predictions in ${windowWords(report)}${ended}\n`
  return `${summary(report)}${protocol}${layers.length === 0 ? '' : `\n${layerTable(report)}`}`
}
