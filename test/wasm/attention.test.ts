/** Attention in WebAssembly: each kernel, given rounded operands, gives what its ops do within the accuracy that they declare. */
import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { CPU } from '../../plan/target.ts'
import type { Node } from '../../compiler/graph/node.ts'
import type { KernelProgram } from '../../compiler/kernel/ir/kernel.ts'
import { memoryOf } from '../../compiler/kernel/scope/memory-of.ts'
import { schedule } from '../../compiler/kernel/schedule.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { boundedNode, exactly } from '../../compiler/reference/error-bounds.ts'
import { evaluateNodes, surround } from '../../compiler/reference/evaluate.ts'
import { F32 } from '../../compiler/reference/precision.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { attentionFeeds, attentionForms, attentionGraphs, PLAIN, type AttentionForm } from '../support/attention.ts'
import { assertProperty } from '../support/property.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'
import { createWasmKernel } from '../support/wasm-kernel.ts'

const rounded = ({ shape, dtype, values }: HostTensor): HostTensor => hostTensor(shape, dtype, values.map(Math.fround))

function kernelsOf(form: AttentionForm): readonly KernelProgram[] {
  const graph = optimise(attentionGraphs(form).fused, { variant: 'prefill', block: 4, tile: 4 }).graph
  return schedule(graph, CPU, 'prefill').kernels.filter(({ computation }) => computation.kind === 'attention')
}

/** The results of a kernel that are further from the reference than their ops allow. */
function wrongIn(kernel: KernelProgram, form: AttentionForm, seed: number): readonly string[] {
  const { fused } = attentionGraphs(form)
  const feeds = attentionFeeds(form, seed)
  const surroundings = surround(fused, feeds)
  const stored = kernel.buffers.filter(({ access }) => access !== 'read')
  const needed = [...new Set(stored.flatMap(({ node }) => node.inputs))]
  const operands = new Map([...evaluateNodes(fused, needed, feeds)].map(([node, value]) => [node, rounded(value)]))
  const wasm = createWasmKernel(kernel, surroundings.dims)
  for (const { name, node } of kernel.buffers) {
    const isOf = (operand: Node): boolean => memoryOf(operand, (other) => other === node) === node
    const operand = needed.find(isOf)
    if (operand !== undefined) wasm.write(name, operands.get(operand)!.values)
  }
  wasm.run()
  return stored.flatMap(({ name, node }) => {
    const known = node.inputs.map((input) => exactly(operands.get(input)!))
    const { value, error } = boundedNode(node, known, surroundings, F32)
    const got = wasm.read(name)
    return [...value.values].flatMap((want, at) =>
      Math.abs(got[at] - want) <= error[at] ? [] : [`${node.op}[${at}] is ${got[at]}, not ${want} +- ${error[at]}`],
    )
  })
}

test('every form', MORE_IN_LONG, () => {
  assertProperty(
    fc.property(attentionForms(37), fc.integer({ min: 1, max: 999 }), (form, seed) => {
      for (const kernel of kernelsOf(form)) expect(wrongIn(kernel, form, seed)).toEqual([])
    }),
    inRun({ short: 3, long: 40, whole: 40 }),
  )
})

it.each([
  [31, 0],
  [33, 0],
  // the blocks of a window begin at any row, within a pair of gangs too
  [64, 3],
  [65, 17],
])('%i positions and a window of %i: several blocks of rows', (S, window) => {
  const form = { ...PLAIN, S, window, ratio: 2, W: 5 }
  for (const kernel of kernelsOf(form)) expect(wrongIn(kernel, form, 1)).toEqual([])
})
