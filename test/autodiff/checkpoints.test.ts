import { describe, expect, it } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { relativeError } from '../support/compare.ts'
import { openTrained, trainedFolders } from '../support/trained.ts'
import { weightsOf } from '../support/weights.ts'

describe('gradients of published architectures, by the reference', () => {
  it.each(trainedFolders)('%s', (_, folder) => {
    const { checkpoint, graph, inputs, gradients } = openTrained(folder)
    const results = evaluate(graph, { inputs, weights: weightsOf(graph, checkpoint.tensors) })
    expect(Math.abs(results['loss.next_token'].values[0] - checkpoint.reference.loss.values[0])).toBeLessThan(1e-6)
    expect(gradients.size).toBeGreaterThan(10)
    for (const [name, expected] of gradients)
      expect(relativeError(results[`gradient.${name}`].values, expected), name).toBeLessThan(2e-6)
  })
})
