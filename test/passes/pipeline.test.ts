import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verify } from '../../compiler/graph/verify.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { optimise, PassError, passes, type Pass, type PassOptions } from '../../compiler/passes/pipeline.ts'
import { copy, rebuild } from '../../compiler/ops/rebuild.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { sameBits, samples } from '../support/random-graph.ts'
import { assertProperty } from '../support/property.ts'

const options: PassOptions[] = [
  { variant: 'prefill', tile: 8, block: 16 },
  { variant: 'decode', tile: 8, block: 16 },
]

/** Every pass by its name, once. */
const each = [...new Map(passes.map((pass) => [pass.name, pass])).values()]

describe('every pass keeps every bit that the reference computes', () => {
  it.each(each)('$name', (pass) => {
    assertProperty(
      fc.property(samples(), fc.constantFrom(...options), ({ graph, feeds }, chosen) => {
        const before = evaluate(graph, feeds)
        const { graph: after } = optimise(graph, chosen, [pass])
        const values = evaluate(after, feeds)
        for (const { name } of graph.outputs) if (!sameBits(before[name], values[name])) throw new Error(`${name} differs`)
      }),
      120,
    )
  })

  it('all of them, in order', () => {
    assertProperty(
      fc.property(samples(240), fc.constantFrom(...options), ({ graph, feeds }, chosen) => {
        const before = evaluate(graph, feeds)
        const { graph: after, trace } = optimise(graph, chosen)
        expect(trace.map(({ pass }) => pass)).toEqual(passes.map(({ name }) => name))
        const values = evaluate(after, feeds)
        for (const { name } of graph.outputs) if (!sameBits(before[name], values[name])) throw new Error(`${name} differs`)
      }),
      300,
    )
  })
})

describe('the runner', () => {
  const graph = parse(
    'graph "g"\ndim B\n%0 = input name "x" : f32[B]\n%1 = exp(%0) : f32[B]\noutput "y" = %1\n',
    createBuilder().make,
  )

  it('names the pass that broke the graph, with the text before and after', () => {
    const guilty: Pass = { name: 'loses_a_dim', why: '', run: (before) => ({ ...rebuild(before, copy), dims: [] }) }
    let caught: unknown
    try {
      optimise(graph, options[0], [...passes, guilty])
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(PassError)
    const error = caught as PassError
    expect(error.pass).toBe('loses_a_dim')
    expect(error.message).toContain('undeclared dimension B')
    expect(error.before).toContain('dim B')
    expect(error.after).not.toContain('dim B')
  })

  it('names the pass that broke the graph first, where a later one throws', () => {
    const guilty: Pass = { name: 'loses_a_dim', why: '', run: (before) => ({ ...rebuild(before, copy), dims: [] }) }
    const stumbles: Pass = {
      name: 'stumbles',
      why: '',
      run: () => {
        throw new Error('no dims')
      },
    }
    expect(() => optimise(graph, options[0], [guilty, stumbles])).toThrow('the pass loses_a_dim broke the graph')
    expect(() => optimise(graph, options[0], [stumbles])).toThrow('no dims')
  })

  it('leaves a graph that verifies after each pass', () => {
    for (const { graph: after } of optimise(graph, options[0]).trace) expect(verify(after, specOf('optimised'))).toEqual([])
  })
})
