/** What was quantised, and what it cost. */
import type { Evaluation } from '../../analysis/eval/evaluate.ts'
import { comparisonJson, comparisonText } from '../eval/comparison.ts'
import { reportJson, reportText, type ExportReport } from '../export/report.ts'
import { bytes, plural, table } from '../output.ts'
import { addErrors, NO_ERROR, relativeRms } from './codes/error.ts'
import type { Format } from './formats.ts'
import type { WeightKind } from './kinds.ts'
import type { QuantizedTensor } from './quantize.ts'

export interface QuantizeReport {
  readonly to: Format
  /** In the order of the model. */
  readonly tensors: readonly QuantizedTensor[]
  /** All tensors of the checkpoint that is read, in bytes. */
  readonly bytesBefore: number
  readonly exported: ExportReport
  /** The quantised model, with the original as the other one; null where there is no text. */
  readonly evaluation: Evaluation | null
}

const bytesAfter = ({ exported }: QuantizeReport): number =>
  exported.folder.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)

export const quantizeJson = (report: QuantizeReport): unknown => ({
  to: report.to,
  bytes: { before: report.bytesBefore, after: bytesAfter(report) },
  tensors: report.tensors.map(({ name, kind, format, shape, bytesBefore, bytes: after, error }) => ({
    name,
    kind,
    format,
    shape,
    bytes: { before: bytesBefore, after },
    relative_rms: relativeRms(error),
    largest: error.most,
  })),
  evaluation: comparisonJson(report.evaluation),
  export: reportJson(report.exported),
})

const ORDER: readonly WeightKind[] = ['experts', 'matrices', 'router', 'head', 'numbers']

const share = (value: number): string => `${(100 * value).toPrecision(3)} %`

/** The tensors of a kind and a format: all together, and the one with the largest relative error. */
function rowOf(kind: WeightKind, format: Format, tensors: readonly QuantizedTensor[]): readonly string[] {
  const all = tensors.map(({ error }) => error).reduce(addErrors, NO_ERROR)
  const [worst] = tensors.toSorted((a, b) => relativeRms(b.error) - relativeRms(a.error))
  const [before, after] = [
    tensors.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0),
    tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
  ]
  return [
    kind,
    format,
    String(tensors.length),
    `${bytes(before)} -> ${bytes(after)}`,
    share(relativeRms(all)),
    all.most.toPrecision(3),
    `${worst.name} ${share(relativeRms(worst.error))}`,
  ]
}

function errorTable(tensors: readonly QuantizedTensor[]): string {
  const formats = [...new Set(tensors.map(({ format }) => format))]
  const rows = ORDER.flatMap((kind) =>
    formats.flatMap((format) => {
      const some = tensors.filter((one) => one.kind === kind && one.format === format)
      return some.length === 0 ? [] : [rowOf(kind, format, some)]
    }),
  )
  return table([['weights', 'as', 'tensors', 'bytes', 'error', 'largest', 'most affected'], ...rows], '<<><>><')
}

export function quantizeText(report: QuantizeReport): string {
  const { tensors, bytesBefore, exported, evaluation } = report
  const total = `${plural(tensors.length, 'tensor')} quantised; all weights ${bytes(bytesBefore)} -> ${bytes(bytesAfter(report))}`
  const compared = evaluation === null ? '' : comparisonText(evaluation)
  return `${errorTable(tensors)}${total}\n${compared}\n${reportText(exported)}`
}
