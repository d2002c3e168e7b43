/** Runs a schedule on the host in f64: the graph's meaning must survive being cut into kernels. */
import { evaluate as sizeOf, product, type DimValues } from '../../plan/dim.ts'
import { erf, sigmoid, softplus } from '../ops/functions.ts'
import type { Node } from '../graph/node.ts'
import { createRunner, invocation, type Invocation, type Machine } from '../scalar/run.ts'
import { variable } from '../scalar/build.ts'
import type { KernelProgram } from './kernel.ts'
import type { Matmul } from './matmul.ts'

const runner = createRunner({
  unary: {
    negate: (x) => -x,
    not: (x) => (x === 0 ? 1 : 0),
    abs: Math.abs,
    sign: Math.sign,
    floor: Math.floor,
    exp: Math.exp,
    log: Math.log,
    log1p: Math.log1p,
    sqrt: Math.sqrt,
    rsqrt: (x) => 1 / Math.sqrt(x),
    sin: Math.sin,
    cos: Math.cos,
    tanh: Math.tanh,
    erf,
    sigmoid,
    softplus,
  },
})

export type Memory = Map<Node, Float64Array>

/**
 * Runs the kernels in order; `memory` holds the leaves' values and receives what the kernels store. `places` are nodes whose values lie in
 * the memory of a weight, which is lost to later readers.
 */
export function evaluateKernels(kernels: readonly KernelProgram[], memory: Memory, dims: DimValues, places: ReadonlyMap<Node, Node> = new Map()): void {
  for (const kernel of kernels) {
    evaluateKernel(kernel, memory, dims)
    for (const { node, access } of kernel.buffers) if (access === 'read_write' && places.has(node)) memory.set(places.get(node)!, memory.get(node)!)
  }
}

function evaluateKernel(kernel: KernelProgram, memory: Memory, dims: DimValues): void {
  const buffers = new Map<string, Float64Array>()
  for (const { name, node, access } of kernel.buffers) {
    // what no kernel writes must not be read: it would show; a weight is replaced where it lies
    if (access === 'read_write' && node.op !== 'weight') memory.set(node, new Float64Array(sizeOf(product(node.shape), dims)).fill(NaN))
    const values = memory.get(node)
    if (values === undefined) throw new Error(`${kernel.name} reads ${node.op} %${node.id} before it is written`)
    buffers.set(name, values)
  }
  const machine: Machine = { dims, buffers, shared: new Map() }
  if (kernel.computation.kind === 'matmul') evaluateMatmul(kernel.computation.matmul, machine)
  else evaluateWorkgroups(kernel.computation, machine)
}

type Workgroups = Extract<KernelProgram['computation'], { kind: 'workgroups' }>

function evaluateWorkgroups({ workgroups, lanes, shared, body }: Workgroups, machine: Machine): void {
  const count = sizeOf(workgroups, machine.dims)
  for (let workgroup = 0; workgroup < count; workgroup++) {
    for (const { name, length } of shared) machine.shared.set(name, new Float64Array(length))
    const own = Array.from({ length: lanes }, (_, lane): Invocation => invocation({ workgroup, lane }))
    runner.runTogether(body, machine, own)
  }
}

function evaluateMatmul(matmul: Matmul, machine: Machine): void {
  const [rows, columns, depth] = [matmul.rows, matmul.columns, matmul.depth].map((dim) => sizeOf(dim, machine.dims))
  const row = variable('u32', 'row')
  const column = variable('u32', 'column')
  const expert = variable('u32', 'expert')
  const own = invocation({})
  const set = (name: string, value: number): unknown => own.variables.set(name, value)
  const left = machine.buffers.get(matmul.left.buffer)!
  const expertOf = expertLookup(matmul, machine, own)
  const epilogue = matmul.epilogue(matmul.products.map((_, p) => variable('f32', `sum${p}`)), row, column)
  const leftStart = matmul.left.rowStart(row)
  const banks = matmul.products.map(({ buffer, columnStart }) => ({ values: machine.buffers.get(buffer)!, start: columnStart(expert, column) }))
  for (let r = 0; r < rows; r++) {
    const chosen = expertOf(r)
    if (chosen === null) continue
    set('row', r)
    set('expert', chosen)
    const from = runner.value(leftStart, machine, own)
    for (let c = 0; c < columns; c++) {
      set('column', c)
      banks.forEach(({ values, start }, p) => {
        const at = runner.value(start, machine, own)
        let sum = 0
        for (let k = 0; k < depth; k++) sum += left[from + k] * values[at + k]
        set(`sum${p}`, sum)
      })
      runner.run(epilogue, machine, own)
    }
  }
}

/** The expert of a row by each way of grouping, null for none; an order that gives a row twice is an error. */
function expertLookup(matmul: Matmul, machine: Machine, own: Invocation): (row: number) => number | null {
  const { rowsOf } = matmul
  const rows = sizeOf(matmul.rows, machine.dims)
  switch (rowsOf.kind) {
    case 'dense':
      return () => 0
    case 'batched': {
      const each = rows / sizeOf(rowsOf.batch, machine.dims)
      return (row) => Math.floor(row / each)
    }
    case 'direct':
      return (row) => {
        own.variables.set('row', row)
        const expert = runner.value(rowsOf.expert(variable('u32', 'row')), machine, own)
        return expert < rowsOf.experts ? expert : null
      }
    case 'ordered': {
      const order = machine.buffers.get(rowsOf.buffer)!
      const experts = new Map<number, number>()
      for (let entry = rows; entry < order.length; entry += 2) {
        const [expert, first] = [order[entry], order[entry + 1]]
        if (expert < 0) continue
        for (let place = first; place < Math.min(first + rowsOf.tile, order[entry + 3]); place++) {
          if (experts.has(order[place])) throw new Error(`row ${order[place]} stands in two tiles`)
          experts.set(order[place], expert)
        }
      }
      if (experts.size !== order.at(-1)) throw new Error(`${experts.size} of ${order.at(-1)} ordered rows stand in tiles`)
      return (row) => experts.get(row) ?? null
    }
    default:
      return rowsOf satisfies never
  }
}
