/** WGSL and plans without names that do not affect the device. */
import type { Kernel, OutputPort, Plan } from '../../plan/plan.ts'

const COMMENT = /\/\/.*$/gm
const DECLARED = /\b(?:fn|let|const|override|struct|alias|var(?:<[^>]*>)?)\s+([A-Za-z_]\w*)|\b([A-Za-z_]\w*)\s*:/g
/** A word, but not components of a vector. */
const WORD = /(?<!\.(?=[xyzw]{1,4}\b))\b[A-Za-z_]\w*/g

/** Every name that the text declares becomes `n0`, `n1`, ... in the order of its declaration; comments and blank lines go. */
export function canonicalWgsl(wgsl: string): string {
  const text = wgsl.replaceAll(COMMENT, '')
  const declared = [...text.matchAll(DECLARED)].map(([, name, member]) => name ?? member).filter((name) => name !== 'default')
  const names = new Map([...new Set(declared)].map((name, at) => [name, `n${at}`]))
  const lines = text
    .replaceAll(WORD, (word) => names.get(word) ?? word)
    .split('\n')
    .map((line) => line.trimEnd())
  return lines.filter((line) => line !== '').join('\n')
}

const canonicalKernel = ({ bindings, workgroupSize, ...kernel }: Kernel) => ({
  ...('wgsl' in kernel
    ? { wgsl: canonicalWgsl(kernel.wgsl), needsSubgroups: kernel.needsSubgroups }
    : { wasm: kernel.wasm, ownBytes: kernel.ownBytes, zeroFlagged: kernel.zeroFlagged }),
  bindings: bindings.map(({ access, dtype }) => ({ access, dtype })),
  workgroupSize,
})

/**
 * A plan without what a device never sees: names of kernels, buffers and steps, reasons, documentation, roles. Inputs, weights
 * and outputs that are read back keep their names.
 */
export function canonicalPlan(plan: Plan): unknown {
  const programs = plan.programs.map((program) => ({
    ...program,
    name: '',
    steps: program.steps.map((step) => ({ ...step, label: '' })),
  }))
  const once =
    plan.once === null ? null : { ...plan.once, name: '', steps: plan.once.steps.map((step) => ({ ...step, label: '' })) }
  const bare = <T extends object>(port: T): T => ({ ...port, doc: '' })
  const bareOutput = (port: OutputPort) => ({ ...bare(port), role: null, name: port.replaces === undefined ? port.name : '' })
  return {
    ...plan,
    doc: '',
    programs,
    once,
    kernels: plan.kernels.map(canonicalKernel),
    buffers: plan.buffers.map((buffer) => ({ ...buffer, name: '' })),
    dims: plan.dims.map(bare),
    inputs: plan.inputs.map(bare),
    outputs: plan.outputs.map(bareOutput),
    weights: plan.weights.map((port) => ({ ...bare(port), variable: null })),
    held: plan.held.map(bare),
  }
}
