/** A kernel as text that parses back: bindings, then workgroups of statements or a matmul. */
import type { Dim } from '../../../plan/dim.ts'
import { storageText } from '../../../plan/storage/formats.ts'
import { createPrinter, expressionsOf, indent, type ScalarPrinter } from '../../scalar/print.ts'
import type { Expression } from '../../scalar/expression.ts'
import { ATTENTION_BUFFERS, type Attention } from './attention.ts'
import type { Binding, Computation, Kernel } from './kernel.ts'
import type { KRange, Matmul, Operand, RowGrouping, SortedRows } from './matmul.ts'

const size = (dim: Dim): string => `[${dim.key}]`
const alignment = (operand: Operand): string => (operand.aligned ? ' aligned' : '')

/** The expressions of a matmul beside its epilogue. */
export function addressesOf({ left, rights, rowGrouping }: Matmul): readonly Expression[] {
  const operands = [left, ...rights].flatMap((operand) =>
    operand.layout === 'mn-major' && operand.gather !== null ? [operand.base, operand.gather] : [operand.base],
  )
  return rowGrouping.kind === 'lookup' ? [...operands, rowGrouping.expert] : operands
}

/** All expressions of a kernel. */
export function expressionsOfKernel({ computation }: Kernel): readonly Expression[] {
  switch (computation.kind) {
    case 'workgroups':
      return expressionsOf(computation.body)
    case 'matmul':
      return [...addressesOf(computation.matmul), ...expressionsOf(computation.matmul.epilogue)]
    case 'attention':
      return []
    default:
      return computation satisfies never
  }
}

function attentionLines(attention: Attention): readonly string[] {
  const { role, B, S, T, G, R, C, W, rows, scale, cap, before, after, maskAxes, buffers } = attention
  return [
    `attention ${role} ${[B, S, T, G, R].map(size).join(' ')} ${C} ${W} rows ${rows}`,
    `scores ${[scale, cap, before, after].map(numberText).join(' ')} mask ${maskAxes.map(Number).join(' ')}`,
    ...ATTENTION_BUFFERS.flatMap((name) => (buffers[name] === undefined ? [] : [`${name} @${buffers[name]}`])),
  ]
}

/** `-2`, `0.125`, `inf`. */
const numberText = (value: number): string => (Number.isFinite(value) ? String(value) : value > 0 ? 'inf' : '-inf')

const sortedText = ({ buffer, experts, tile }: SortedRows): string => `sorted @${buffer} of ${experts} tile ${tile}`

function groupingLines(grouping: RowGrouping, { lines }: ScalarPrinter): readonly string[] {
  switch (grouping.kind) {
    case 'dense':
      return ['experts dense']
    case 'batched':
      return [`experts batched ${size(grouping.batch)}`]
    case 'lookup':
      return lines([grouping.expert], (expert) => `experts lookup ${expert} of ${grouping.experts}`)
    case 'sorted':
      return [`experts ${sortedText(grouping)}`]
    default:
      return grouping satisfies never
  }
}

const rangeText = (range: KRange): string => (range.kind === 'all' ? 'all' : sortedText(range))

function operandLines(side: 'left' | 'right', operand: Operand, { lines }: ScalarPrinter): readonly string[] {
  const head = `${side} @${operand.buffer}${alignment(operand)}`
  if (operand.layout === 'k-major') return lines([operand.base], (base) => `${head} k_major at ${base}`)
  const values = operand.gather === null ? [operand.base] : [operand.base, operand.gather]
  return lines(values, (base, gather) => {
    const gathered = operand.gather === null ? '' : ` gather ${gather}`
    return `${head} mn_major at ${base} stride ${size(operand.stride)}${gathered}`
  })
}

function matmulLines(matmul: Matmul, printer: ScalarPrinter): readonly string[] {
  return [
    `matmul ${size(matmul.rows)} ${size(matmul.columns)} ${size(matmul.k)}`,
    ...groupingLines(matmul.rowGrouping, printer),
    `sum_over ${rangeText(matmul.kRange)}`,
    ...operandLines('left', matmul.left, printer),
    ...matmul.rights.flatMap((right) => operandLines('right', right, printer)),
    'epilogue {',
    ...indent(printer.statements(matmul.epilogue)),
    '}',
  ]
}

function computationLines(computation: Computation, printer: ScalarPrinter): readonly string[] {
  if (computation.kind === 'matmul') return matmulLines(computation.matmul, printer)
  if (computation.kind === 'attention') return attentionLines(computation.attention)
  const { workgroups, workgroupSize, shared, body } = computation
  return [
    `workgroups ${size(workgroups)} of ${workgroupSize}`,
    ...shared.map(({ name, type, length }) => `shared ${name}: ${type}[${length}]`),
    'body {',
    ...indent(printer.statements(body)),
    '}',
  ]
}

const bindingText = ({ name, access, dtype, elements, storage }: Binding): string =>
  `${access} @${name}: ${dtype}${size(elements)}${storage === undefined ? '' : ` as ${storageText(storage)}`}`

/** The text of a kernel; `parseKernel` reads it. */
export function printKernel(kernel: Kernel): string {
  const printer = createPrinter(expressionsOfKernel(kernel))
  const lines = [
    `kernel ${JSON.stringify(kernel.name)} template ${JSON.stringify(kernel.template)}`,
    ...kernel.buffers.map(bindingText),
    ...computationLines(kernel.computation, printer),
  ]
  return `${lines.join('\n')}\n`
}
