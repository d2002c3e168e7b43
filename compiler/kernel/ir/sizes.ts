/** The dims that a kernel depends on. */
import { symbolsOf, type Dim } from '../../../plan/dim.ts'
import { operandsOf } from '../../scalar/build.ts'
import { attentionWorkgroups } from './attention.ts'
import type { Computation, Kernel } from './kernel.ts'
import { expressionsOfKernel } from './print.ts'

function ownDims(computation: Computation): readonly Dim[] {
  if (computation.kind === 'workgroups') return [computation.workgroups]
  if (computation.kind === 'attention') {
    const { attention } = computation
    return [attention.B, attention.S, attention.T, attention.G, attention.R, attentionWorkgroups(attention)]
  }
  const { rows, columns, k, left, rights, rowGrouping } = computation.matmul
  const strides = [left, ...rights].flatMap((operand) => (operand.layout === 'mn-major' ? [operand.stride] : []))
  return [rows, columns, k, ...strides, ...(rowGrouping.kind === 'batched' ? [rowGrouping.batch] : [])]
}

/** All dims of a kernel: lengths of buffers, launch sizes, and sizes in expressions. */
export function dimsOf(kernel: Kernel): readonly Dim[] {
  const dims = new Set([...kernel.buffers.map(({ elements }) => elements), ...ownDims(kernel.computation)])
  const seen = new Set(expressionsOfKernel(kernel))
  for (const e of seen) {
    if (e.kind === 'size') dims.add(e.dim)
    for (const operand of operandsOf(e)) seen.add(operand)
  }
  return [...dims]
}

export const symbolsOfKernel = (kernel: Kernel): readonly string[] => [...new Set(dimsOf(kernel).flatMap(symbolsOf))].sort()
