/** Runs a schedule on the host in f64: the graph's meaning must survive being cut into kernels. */
import { evaluate as sizeOf, product, type DimValues } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { createInterpreter, createThread, type Thread, type Machine } from '../../scalar/interpret.ts'
import { variable } from '../../scalar/build.ts'
import type { KernelProgram } from './kernel.ts'
import type { Expression } from '../../scalar/expression.ts'
import type { Matmul, Operand } from './matmul.ts'

const runner = createInterpreter()

export type Memory = Map<Node, Float64Array>

/**
 * Runs the kernels in order; `memory` holds the leaves' values and receives what the kernels store. `places` are nodes whose values lie in
 * the memory of a weight, which is lost to later readers.
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
    // what no kernel writes must not be read: it would show; a weight is replaced where it lies
    if (access === 'read_write' && node.op !== 'weight')
      memory.set(node, new Float64Array(sizeOf(product(node.shape), dims)).fill(NaN))
    const values = memory.get(node)
    if (values === undefined) throw new Error(`${kernel.name} reads ${node.op} %${node.id} before it is written`)
    buffers.set(name, values)
  }
  const machine: Machine = { dims, buffers, shared: new Map() }
  if (kernel.computation.kind === 'matmul') evaluateMatmul(kernel.computation.matmul, machine)
  else evaluateWorkgroups(kernel.computation, machine)
}

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
  const [row, column] = [variable('u32', 'row'), variable('u32', 'column')]
  const own = createThread({})
  const set = (name: string, value: number): unknown => own.variables.set(name, value)
  const { expertOf, lineOf } = rowLookup(matmul, machine, own)
  const depthsOf = depthLookup(matmul, machine)
  const epilogue = matmul.epilogue(
    matmul.products.map((_, p) => variable('f32', `sum${p}`)),
    row,
    column,
  )
  const left = reader(matmul.left, machine, own)
  const banks = matmul.products.map((product) => reader(product, machine, own))
  for (let r = 0; r < rows; r++) {
    const chosen = expertOf(r)
    if (chosen === null) continue
    const depths = depthsOf(chosen)
    const lefts = left(chosen, lineOf(r), depths)
    for (let c = 0; c < columns; c++) {
      banks.forEach((bank, p) => {
        const rights = bank(chosen, c, depths)
        set(
          `sum${p}`,
          lefts.reduce((sum, value, at) => sum + value * rights[at], 0),
        )
      })
      set('row', r)
      set('column', c)
      runner.run(epilogue, machine, own)
    }
  }
}

/** The values of a line of an operand at these depths. */
function reader(
  operand: Operand,
  machine: Machine,
  own: Thread,
): (expert: number, line: number, depths: readonly number[]) => readonly number[] {
  const values = machine.buffers.get(operand.buffer)!
  const [expert, line, depth] = ['expert', 'line', 'depth'].map((name) => variable('u32', name))
  const at = (index: number): number => {
    if (!(index >= 0 && index < values.length))
      throw new Error(`${operand.buffer} has no element ${index}, only ${values.length}`)
    return values[index]
  }
  const evaluate = (e: Expression, known: Readonly<Record<string, number>>): number => {
    for (const [name, value] of Object.entries(known)) own.variables.set(name, value)
    return runner.value(e, machine, own)
  }
  if (operand.along === 'depth') {
    const start = operand.start(expert, line)
    return (e, l, depths) => {
      const from = evaluate(start, { expert: e, line: l })
      return depths.map((d) => at(from + d))
    }
  }
  const [start, stride, place] = [operand.start(expert), sizeOf(operand.stride, machine.dims), operand.place?.(depth) ?? depth]
  return (e, l, depths) => {
    const from = evaluate(start, { expert: e })
    return depths.map((d) => at(from + evaluate(place, { depth: d }) * stride + l))
  }
}

/** The depths that an expert is summed over. */
function depthLookup({ depth, depthOf }: Matmul, machine: Machine): (expert: number) => readonly number[] {
  const count = sizeOf(depth, machine.dims)
  if (depthOf.kind === 'whole') {
    const all = Array.from({ length: count }, (_, d) => d)
    return () => all
  }
  const order = machine.buffers.get(depthOf.buffer)!
  const rowsOf = new Map<number, number[]>()
  for (const [row, expert] of rowsInTiles(order, count, depthOf.tile)) rowsOf.set(expert, [...(rowsOf.get(expert) ?? []), row])
  return (expert) => rowsOf.get(expert) ?? []
}

/** The expert of each row by the tiles of an order, in the order's own sequence; one that gives a row twice is an error. */
function rowsInTiles(order: ArrayLike<number>, rows: number, tile: number): ReadonlyMap<number, number> {
  const experts = new Map<number, number>()
  for (let entry = rows; entry < order.length; entry += 2) {
    const [expert, first] = [order[entry], order[entry + 1]]
    if (expert < 0) continue
    for (let place = first; place < Math.min(first + tile, order[entry + 3]); place++) {
      if (experts.has(order[place])) throw new Error(`row ${order[place]} stands in two tiles`)
      experts.set(order[place], expert)
    }
  }
  const ordered = order[order.length - 1]
  if (experts.size !== ordered) throw new Error(`${experts.size} of ${ordered} ordered rows stand in tiles`)
  return experts
}

interface RowLookup {
  /** Null where a row has none. */
  readonly expertOf: (row: number) => number | null
  /** What the left operand calls the row. */
  readonly lineOf: (row: number) => number
}

/** Rows by each way of grouping. */
function rowLookup(matmul: Matmul, machine: Machine, own: Thread): RowLookup {
  const { rowsOf, left } = matmul
  const rows = sizeOf(matmul.rows, machine.dims)
  const lineOf = (row: number): number => row
  switch (rowsOf.kind) {
    case 'dense':
      return { expertOf: () => 0, lineOf }
    case 'batched': {
      const each = rows / sizeOf(rowsOf.batch, machine.dims)
      return { expertOf: (row) => Math.floor(row / each), lineOf: left.along === 'depth' ? lineOf : (row) => row % each }
    }
    case 'direct': {
      const expertOf = (row: number): number | null => {
        own.variables.set('row', row)
        const expert = runner.value(rowsOf.expert(variable('u32', 'row')), machine, own)
        return expert < rowsOf.experts ? expert : null
      }
      return { expertOf, lineOf }
    }
    case 'ordered': {
      const experts = rowsInTiles(machine.buffers.get(rowsOf.buffer)!, rows, rowsOf.tile)
      return { expertOf: (row) => experts.get(row) ?? null, lineOf }
    }
    default:
      return rowsOf satisfies never
  }
}
