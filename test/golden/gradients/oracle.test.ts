import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { root } from '../../support/sources.ts'
import { weightsOf } from '../../support/weights.ts'
import { runsOf, vectorsOf } from '../vectors.ts'
import { beyond, gradientNames, graphOf, inputsOf, missesOf, toleranceOf, valueMissesOf } from './compare.ts'
import { gradientCases } from './cases.ts'

const graphs = new Map(gradientCases.map((one) => [one, graphOf(one)]))

describe.each(gradientCases.map((one) => [one.name, one] as const))('gradients of %s', (_, one) => {
  const graph = graphs.get(one)!

  test.each(runsOf(one, 'reference'))('$file in $precision', (run) => {
    const vectors = vectorsOf(one, run)
    const results = evaluate(graph, { inputs: inputsOf(graph, vectors), weights: weightsOf(graph, vectors) })
    const misses = [...valueMissesOf(graph, one, results, vectors), ...missesOf(graph, one, results, vectors)]
    expect(beyond(misses, run.precision === 'f64' ? 1e-9 : toleranceOf(one, run))).toEqual([])
  })
})

const folder = join(root, 'test/fixtures/golden')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.safetensors'))
  .map((name) => name.replaceAll('\\', '/'))
  .sort()

test('every gradient in a file is compared, but those of weights that the published code has and never uses', () => {
  const missing = files.flatMap((file) => {
    const of = gradientCases.filter(({ files: names }) =>
      names.some((name) => file.replace(/_f(32|64)\.safetensors$/, '') === name),
    )
    const compared = new Set(of.flatMap((one) => gradientNames(graphs.get(one)!, one)))
    return Object.entries(readSafetensors(join(folder, file))).flatMap(([name, { values }]) =>
      name.startsWith('grad') && !compared.has(name) && values.some((value) => value !== 0) ? [`${name} of ${file}`] : [],
    )
  })
  expect(missing).toEqual([])
})
