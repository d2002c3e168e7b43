/** The evaluator of kernels on the host, in f64: kernels mean what their graph means. */
import { evaluate as sizeOf, product, type DimValues } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { decodeSortedRows } from '../../graph/sorted-rows.ts'
import { isOp, isState } from '../../graph/walk.ts'
import { createInterpreter, createThread, type Thread, type Machine } from '../../scalar/interpret.ts'
import { attentionThreads } from './attention-threads.ts'
import type { KernelProgram } from './kernel.ts'
import type { Expression } from '../../scalar/expression.ts'
import { K_INDEX, type Matmul, type Operand } from './matmul.ts'

const runner = createInterpreter()

export type Memory = Map<Node, Float64Array>

/**
 * Runs the kernels in order; `memory` has the values of the leaves and receives what the kernels store. `places` are nodes that
 * are updated in place: their values overwrite those of a weight.
 */
export function evaluateKernels(
  kernels: readonly KernelProgram[],
  memory: Memory,
  dims: DimValues,
  places: ReadonlyMap<Node, Node> = new Map(),
): void {
  for (const kernel of kernels) {
    evaluateKernel(kernel, memory, dims)
    for (const { node, access } of kernel.buffers)
      if (access === 'read_write' && places.has(node)) memory.set(places.get(node)!, memory.get(node)!)
  }
}

function evaluateKernel(kernel: KernelProgram, memory: Memory, dims: DimValues): void {
  const buffers = new Map<string, Float64Array>()
  for (const { name, node, access } of kernel.buffers) {
    // weights and variables are updated in place
    if (access === 'read_write' && !isState(node)) memory.set(node, beginning(node, memory, dims))
    const values = memory.get(node)
    if (values === undefined) throw new Error(`${kernel.name} reads ${node.op} %${node.id} before it is written`)
    buffers.set(name, values)
  }
  const machine: Machine = { dims, buffers, shared: new Map() }
  const { computation } = kernel
  if (computation.kind === 'matmul') evaluateMatmul(computation.matmul, machine)
  else evaluateWorkgroups(computation.kind === 'attention' ? attentionThreads(computation.attention) : computation, machine)
}

/**
 * What a stored tensor begins as: the cache that it is written into, or NaN, which shows where a kernel reads what none has
 * written.
 */
const beginning = (node: Node, memory: Memory, dims: DimValues): Float64Array =>
  isOp(node, 'append') ? memory.get(node.inputs[0])!.slice() : new Float64Array(sizeOf(product(node.shape), dims)).fill(NaN)

type Workgroups = Extract<KernelProgram['computation'], { kind: 'workgroups' }>

function evaluateWorkgroups({ workgroups, workgroupSize, shared, body }: Workgroups, machine: Machine): void {
  const count = sizeOf(workgroups, machine.dims)
  for (let workgroup = 0; workgroup < count; workgroup++) {
    for (const { name, length } of shared) machine.shared.set(name, new Float64Array(length))
    const own = Array.from({ length: workgroupSize }, (_, thread): Thread => createThread({ workgroup, thread }))
    runner.runWorkgroup(body, machine, own)
  }
}

function evaluateMatmul(matmul: Matmul, machine: Machine): void {
  const [rows, columns] = [matmul.rows, matmul.columns].map((dim) => sizeOf(dim, machine.dims))
  const own = createThread({})
  const set = (name: string, value: number): unknown => own.variables.set(name, value)
  const { expertOf, leftRowOf } = rowLookup(matmul, machine, own)
  const ksOf = kLookup(matmul, machine)
  const left = reader(matmul.left, machine, own)
  const rights = matmul.rights.map((right) => reader(right, machine, own))
  for (let r = 0; r < rows; r++) {
    const chosen = expertOf(r)
    if (chosen === null) continue
    const ks = ksOf(chosen)
    const leftValues = left(chosen, leftRowOf(r), ks)
    for (let c = 0; c < columns; c++) {
      rights.forEach((right, p) => {
        const rightValues = right(chosen, c, ks)
        set(
          `sum${p}`,
          leftValues.reduce((sum, value, at) => sum + value * rightValues[at], 0),
        )
      })
      set('row', r)
      set('column', c)
      runner.run(matmul.epilogue, machine, own)
    }
  }
}

/** The values of a row or column of an operand at elements of K. */
function reader(
  operand: Operand,
  machine: Machine,
  own: Thread,
): (expert: number, line: number, ks: readonly number[]) => readonly number[] {
  const values = machine.buffers.get(operand.buffer)!
  const at = (index: number): number => {
    if (!(index >= 0 && index < values.length))
      throw new Error(`${operand.buffer} has ${values.length} elements, none at ${index}`)
    return values[index]
  }
  const evaluate = (e: Expression, known: Readonly<Record<string, number>>): number => {
    for (const [name, value] of Object.entries(known)) own.variables.set(name, value)
    return runner.value(e, machine, own)
  }
  if (operand.layout === 'k-major') {
    return (expert, line, ks) => {
      const from = evaluate(operand.base, { expert, row: line, column: line })
      return ks.map((k) => at(from + k))
    }
  }
  const stride = sizeOf(operand.stride, machine.dims)
  return (expert, line, ks) => {
    const from = evaluate(operand.base, { expert })
    return ks.map((k) => at(from + evaluate(operand.gather ?? K_INDEX, { k_index: k }) * stride + line))
  }
}

/** The elements of K that an expert is summed over. */
function kLookup({ k, kRange }: Matmul, machine: Machine): (expert: number) => readonly number[] {
  const count = sizeOf(k, machine.dims)
  if (kRange.kind === 'all') {
    const all = Array.from({ length: count }, (_, at) => at)
    return () => all
  }
  const rowsOf = decodeSortedRows(machine.buffers.get(kRange.buffer)!, count, kRange.tile)
  return (expert) => rowsOf.get(expert) ?? []
}

interface RowLookup {
  /** Null where a row has none. */
  readonly expertOf: (row: number) => number | null
  /** The index of the row in the left operand. */
  readonly leftRowOf: (row: number) => number
}

/** The expert of each row, for every grouping. */
function rowLookup(matmul: Matmul, machine: Machine, own: Thread): RowLookup {
  const { rowGrouping, left } = matmul
  const rows = sizeOf(matmul.rows, machine.dims)
  const leftRowOf = (row: number): number => row
  switch (rowGrouping.kind) {
    case 'dense':
      return { expertOf: () => 0, leftRowOf }
    case 'batched': {
      const each = rows / sizeOf(rowGrouping.batch, machine.dims)
      return { expertOf: (row) => Math.floor(row / each), leftRowOf: left.layout === 'k-major' ? leftRowOf : (row) => row % each }
    }
    case 'lookup': {
      const expertOf = (row: number): number | null => {
        own.variables.set('row', row)
        const expert = runner.value(rowGrouping.expert, machine, own)
        return expert < rowGrouping.experts ? expert : null
      }
      return { expertOf, leftRowOf }
    }
    case 'sorted': {
      const rowsOf = decodeSortedRows(machine.buffers.get(rowGrouping.buffer)!, rows, rowGrouping.tile)
      const experts = new Map([...rowsOf].flatMap(([expert, own]) => own.map((row) => [row, expert] as const)))
      return { expertOf: (row) => experts.get(row) ?? null, leftRowOf }
    }
    default:
      return rowGrouping satisfies never
  }
}
