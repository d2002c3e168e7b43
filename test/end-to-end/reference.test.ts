import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkpointFolders, openCheckpoint } from '../support/checkpoints.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { graphOf } from '../support/graph.ts'
import { weightsOf } from '../support/weights.ts'

describe.each(checkpointFolders.map((folder) => [basename(folder), folder]))('%s on the oracle', (_, folder) => {
  test('has the logits of the reference implementation', () => {
    const { spec, tensors, reference } = openCheckpoint(folder)
    const graph = graphOf(spec)
    const { logits } = evaluate(graph, { inputs: { tokens: reference.input_ids }, weights: weightsOf(graph, tensors) })
    expect(logits.shape).toEqual(reference.logits.shape)
    expect(relativeError(logits.values, reference.logits.values)).toBeLessThanOrEqual(1e-6)
    const width = logits.shape[2]
    expect(argmaxRows(logits.values, width)).toEqual(argmaxRows(reference.logits.values, width))
  })
})
