import { describe, expect, it } from 'vitest'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { isOp, nodesOf } from '../../compiler/graph/walk.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { splitLoadTimeConstants } from '../../compiler/passes/load-time-constants.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'

/** A loss through what is held of a weight. */
function graphOf(held: string) {
  const { model, diagnostics } = checkSource({
    path: 'held.smoe',
    text: `
model held(D: int = 2) {
  input x: f32[B, D]
  param w: f32[D]
  once {
    let twice = ${held}
  }
  loss total = sum(sum(x * twice))
  output y: f32[B, D] = x
}
`,
  })
  if (model === null) throw new Error(framed(diagnostics))
  return lower(model, { training: true })
}

const x = hostTensor([2, 2], 'f32', Float64Array.of(1, 2, 3, 4))
const w = hostTensor([2], 'f32', Float64Array.of(5, 6))

describe('what is held', () => {
  it('is made anew where a gradient passes through it', () => {
    const graph = differentiate(graphOf('w * 2'))
    expect(nodesOf(graph).some((node) => isOp(node, 'compute_at_load'))).toBe(false)
    expect(splitLoadTimeConstants(graph).once).toBeNull()
    expect([...evaluate(graph, { inputs: { x }, weights: { w } })['gradient.w'].values]).toEqual([8, 12])
  })

  it('stays held where none does', () => {
    const stopped = differentiate(graphOf('stop(w) * 2'))
    expect(splitLoadTimeConstants(stopped).once?.outputs.map(({ name }) => name)).toEqual(['twice'])
    expect([...evaluate(stopped, { inputs: { x }, weights: { w } })['gradient.w'].values]).toEqual([0, 0])
    const byInput = differentiate(graphOf('w * 2'), { by: ['x'] })
    expect(splitLoadTimeConstants(byInput).once?.outputs.map(({ name }) => name)).toEqual(['twice'])
    expect([...evaluate(byInput, { inputs: { x }, weights: { w } })['gradient.x'].values]).toEqual([10, 12, 10, 12])
  })
})

describe('a gradient', () => {
  it('is that of the losses that are named', () => {
    const graph = graphOf('w * 2')
    expect([...evaluate(differentiate(graph, { losses: [] }), { inputs: { x }, weights: { w } })['gradient.w'].values]).toEqual([
      0, 0,
    ])
  })
})
