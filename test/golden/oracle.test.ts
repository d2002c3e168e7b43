import { expect, describe, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { weightsOf } from '../support/weights.ts'
import { cases } from './cases.ts'
import { sourceOf } from './layers.ts'
import { precisionsOf, problemsOf, vectorsOf } from './vectors.ts'

describe.each(cases)('$name', ({ name, layer, files, expected }) => {
  const { model, diagnostics } = checkSource(sourceOf(name, layer))

  test('has no mistakes', () => expect(framed(diagnostics)).toBe(''))

  test.each(files.flatMap((file) => precisionsOf(file).map((precision) => ({ file, precision }))))('computes $file in $precision', ({ file, precision }) => {
    const graph = lower(model!, { routes: true })
    const vectors = vectorsOf(file, precision)
    const outputs = evaluate(graph, { inputs: { x: vectors.x }, weights: weightsOf(graph, vectors) })
    expect(problemsOf(outputs, vectors, expected)).toEqual([])
  })
})
