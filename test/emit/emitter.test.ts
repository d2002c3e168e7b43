/** Each distinct kernel is emitted once, and as it is emitted alone. */
import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { createEmitter } from '../../compiler/emit/emitter.ts'
import { plainStorage } from '../../compiler/emit/storage.ts'
import type { EmittedKernel } from '../../compiler/kernel/emitted.ts'
import type { KernelProgram } from '../../compiler/kernel/ir/kernel.ts'
import { printKernel } from '../../compiler/kernel/ir/print.ts'
import { emitKernel as emitWasm } from '../../compiler/wasm/emit-kernel.ts'
import { emitKernel as emitWgsl } from '../../compiler/wgsl/emit-kernel.ts'
import { kernelCode } from '../../plan/plan.ts'
import { CPU, PORTABLE } from '../../plan/target.ts'
import { load } from '../support/sources.ts'

const LAYERS = `import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model layers(D: int = 8) {
  input x: f32[T, D]
  var h = x
  repeat layers[i] in 0..3 {
    h = h + moe(rms_norm(h) as norm) {
      experts 4 of swiglu(F = 8)
      route top_k(k = 2)
      require dropless
    }
  }
  output y = h
}
`

const codeOf = ({ kernel }: EmittedKernel): string => kernelCode(kernel)

test.each([
  ['cpu', CPU, emitWasm],
  ['webgpu', PORTABLE, emitWgsl],
] as const)('%s: the layers of a model share their kernels', (_, target, emitAlone) => {
  const { graph, programs } = compile({ path: 'layers.smoe', text: LAYERS }, { load, target })
  const dims = graph!.dims.map(({ name }) => name)
  const emit = createEmitter(target, dims)
  const seen = new Map<string, EmittedKernel>()
  for (const { schedule, name } of programs) {
    const variant = name === 'few' ? 'decode' : 'prefill'
    for (const kernel of schedule.kernels) {
      const options = { variant, storage: plainStorage } as const
      const emitted = emit(kernel, options)
      const alone = emitAlone(kernel, { ...options, dims, target })
      expect(codeOf(emitted)).toBe(codeOf(alone))
      expect([emitted.bindings, emitted.workgroups.key]).toEqual([alone.bindings, alone.workgroups.key])
      const key = `${printKernel(kernel)} ${target === CPU ? '' : `${kernel.does} ${variant}`}`
      expect(emitted).toBe(seen.get(key) ?? emitted)
      seen.set(key, emitted)
    }
  }
  const steps = programs.reduce((sum, { schedule }) => sum + schedule.kernels.length, 0)
  expect(new Set(seen.values()).size).toBeLessThan(steps / 2)
})

test('a kernel is emitted anew for another storage of a buffer', () => {
  const { programs } = compile({ path: 'layers.smoe', text: LAYERS }, { load, target: PORTABLE })
  const kernel = programs[0].schedule.kernels.find(({ buffers }) => buffers.some(({ dtype }) => dtype === 'f32')) as KernelProgram
  const emit = createEmitter(PORTABLE, ['T'])
  const plain = emit(kernel, { variant: 'prefill', storage: plainStorage })
  const half = emit(kernel, {
    variant: 'prefill',
    storage: (node) => (node.dtype === 'f32' ? 'f16' : plainStorage(node)),
  })
  expect(codeOf(half)).not.toBe(codeOf(plain))
})
