import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { splitLoadTimeConstants } from '../../compiler/passes/load-time-constants.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { weightsOf } from '../support/weights.ts'
import { cases } from './cases.ts'
import { sourceOf } from './layers.ts'
import { heldOf, problemsOf, runsOf, vectorsOf } from './vectors.ts'

describe.each(cases)('$name', (one) => {
  const { name, layer, training = false, checks } = one
  const { model, diagnostics } = checkSource(sourceOf(name, layer))

  test('has no mistakes', () => expect(framed(diagnostics)).toBe(''))

  test.each(runsOf(one, 'reference'))('computes $file in $precision', (run) => {
    const graph = lower(model!, { routes: true, training })
    const vectors = vectorsOf(one, run)
    for (const check of checks) {
      const taken = check.held === undefined ? graph : splitLoadTimeConstants(graph).main
      const weights = { ...weightsOf(taken, vectors), ...(check.held === undefined ? {} : heldOf(vectors, check.held)) }
      expect(
        problemsOf(evaluate(taken, { inputs: { x: vectors.x }, weights }), vectors, check),
        `with ${check.held ?? 'what the weights give'}`,
      ).toEqual([])
    }
  })
})
