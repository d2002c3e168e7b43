/** A few queries by themselves have the bits that they have among others. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CPU } from '../../../plan/target.ts'
import { PAST_TOKENS } from '../../../plan/state-inputs.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { FEW } from '../../../compiler/wasm/attention/few-queries.ts'
import type { HostTensor } from '../../../compiler/reference/tensor.ts'
import { attentionForms, continuedFeeds, continuedGraph, type AttentionForm } from '../../support/attention.ts'
import { assertProperty } from '../../support/property.ts'
import { createWasmKernel } from '../../support/wasm-kernel.ts'

type Inputs = Readonly<Record<string, HostTensor>>

/** The output of S queries over T keys. */
function run(form: AttentionForm, T: number, inputs: Inputs): Float64Array {
  const { graph } = optimise(continuedGraph(form, T), { variant: 'prefill', block: 4, tile: 4 })
  const [kernel] = schedule(graph, CPU, 'prefill').kernels
  const wasm = createWasmKernel(kernel, {})
  for (const { name, node, access } of kernel.buffers)
    if (access === 'read' && node.op === 'input') wasm.write(name, inputs[node.params.name].values)
  wasm.run()
  return wasm.read(kernel.buffers.find(({ access }) => access !== 'read')!.name)
}

/** Some of the queries, with a past that puts them where they stood. */
function some(inputs: Inputs, { B, S, groups, ratio, C }: AttentionForm, from: number, count: number): Inputs {
  const row = groups * ratio * C
  const values = Float64Array.from({ length: B * count * row }, (_, at) => {
    const b = Math.floor(at / (count * row))
    return inputs.q.values[b * S * row + from * row + (at - b * count * row)]
  })
  const past = inputs[PAST_TOKENS].values.map((tokens) => tokens + from)
  return {
    ...inputs,
    q: { ...inputs.q, shape: [B, count, groups, ratio, C], values },
    [PAST_TOKENS]: { ...inputs[PAST_TOKENS], values: past },
  }
}

it('of any form', () => {
  assertProperty(
    fc.property(
      attentionForms(9),
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: FEW }),
      fc.integer({ min: 1, max: 999 }),
      (drawn, T, count, seed) => {
        const form = { ...drawn, S: FEW + drawn.S, padded: false, bidirectional: false }
        const inputs = continuedFeeds(form, T, seed).inputs
        const whole = run(form, T, inputs)
        const width = form.groups * form.ratio * form.W
        for (let from = 0; from + count <= form.S; from += count) {
          const got = run({ ...form, S: count }, T, some(inputs, form, from, count))
          const expected = Array.from({ length: form.B }, (_, b) => [
            ...whole.subarray((b * form.S + from) * width, (b * form.S + from + count) * width),
          ]).flat()
          expect([...got]).toEqual(expected)
        }
      },
    ),
    6,
  )
})
