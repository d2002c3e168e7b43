/**
 * Sums of rows by their ids, however large the table: on the host's kernels and on every software adapter, twice the same bits.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dim } from '../../../plan/dim.ts'
import { PORTABLE } from '../../../plan/target.ts'
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../../compiler/ops/build.ts'
import { evaluateKernels, type Memory } from '../../../compiler/kernel/ir/evaluate.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { digitsOf } from '../../../compiler/passes/segment-sum-sorting.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../../compiler/reference/tensor.ts'
import { open, openSoftware } from '../../support/devices.ts'
import { MORE_IN_LONG, ON_DEVICES, testRun } from '../../support/runs.ts'
import type { Device } from '../../../runtime/device.ts'
import { runGraph } from '../../support/graph-on-device.ts'
import { uniform } from '../../support/random.ts'

let devices: readonly Device[] = []
beforeAll(async () => {
  const cpu = testRun === 'short' ? [] : [await open('cpu')]
  devices = [...(await openSoftware()), ...cpu]
  expect(devices.length).toBeGreaterThan(0)
})
afterAll(() => devices.forEach((device) => device.dispose()))

function graphOf(rows: number, rest: readonly number[], size: number): Graph {
  const { make } = createBuilder()
  const values = make('input', [], { name: 'values', dtype: 'f32', shape: [rows, ...rest].map(dim) }, NO_ORIGIN)
  const ids = make('input', [], { name: 'ids', dtype: 'i32', shape: [dim(rows)] }, NO_ORIGIN)
  const node = make('segment_sum', [values, ids], { size: dim(size) }, NO_ORIGIN) as Node
  return {
    name: 'sums',
    doc: '',
    dims: [],
    inputs: [values, ids] as unknown as Graph['inputs'],
    outputs: [{ name: 'y', node, doc: '' }],
    docs: {},
  }
}

const options = { variant: 'prefill', block: 8, tile: 16 } as const

function onHost(graph: Graph, inputs: Readonly<Record<string, HostTensor>>): Float64Array {
  const optimised = optimise(graph, options).graph
  const { kernels } = schedule(optimised, PORTABLE, 'prefill')
  const memory: Memory = new Map(optimised.inputs.map((node) => [node as Node, inputs[node.params.name].values]))
  evaluateKernels(kernels, memory, {})
  return memory.get(optimised.outputs[0].node)!
}

type Choose = (size: number, next: () => number) => number
const choices: Readonly<Record<string, Choose>> = {
  'any row': (size, next) => Math.floor(next() * size),
  'the last row alone': (size) => size - 1,
  'some rows left out': (size, next) => Math.floor(next() * (size + 1)) - 1,
  'all rows left out': () => -1,
  'few rows': (size, next) => Math.floor(next() ** 4 * size),
}

describe.each(Object.entries(choices))('%s', { tags: [...ON_DEVICES.tags, ...MORE_IN_LONG.tags] }, (_, choose) => {
  const cases = [
    [1, [3], 8000],
    [77, [12], 65],
    [300, [8, 4], 64],
    [130, [5], 500],
    [512, [4], 5000],
    [257, [1], 4097],
    [40, [], 5000],
  ] as const

  it.each(testRun === 'short' ? cases.filter((_, at) => at % 3 === 0) : cases)(
    '%i rows of %j in a table of %i',
    async (rows, rest, size) => {
      const next = uniform(rows + size)
      const width = rest.reduce<number>((a, b) => a * b, 1)
      const inputs = {
        values: hostTensor(
          [rows, ...rest],
          'f32',
          Float64Array.from({ length: rows * width }, () => Math.fround(next() - 0.5)),
        ),
        ids: hostTensor(
          [rows],
          'i32',
          Float64Array.from({ length: rows }, () => choose(size, next)),
        ),
      }
      const graph = graphOf(rows, rest, size)
      const want = evaluate(graph, { inputs, weights: {} }).y.values
      expect(onHost(graph, inputs).every((value, i) => value === want[i])).toBe(true)
      for (const device of devices) {
        const first = await runGraph(device, graph, { inputs, weights: {} })
        const again = await runGraph(device, graph, { inputs, weights: {} })
        // sums in the order of the rows, which f32 takes in the same order
        const inF32 = evaluateInF32(inputs.values.values, inputs.ids.values, width, size)
        expect(first.y.data).toEqual(inF32)
        expect(again.y.data).toEqual(inF32)
      }
    },
  )
})

function evaluateInF32(values: Float64Array, ids: Float64Array, width: number, size: number): Float32Array {
  const sums = new Float32Array(size * width)
  ids.forEach((id, row) => {
    if (id >= 0) for (let i = 0; i < width; i++) sums[id * width + i] += values[row * width + i]
  })
  return sums
}

describe('the order of the rows', () => {
  it.each([
    [1, 1],
    [2, 1],
    [64, 1],
    [65, 2],
    [4096, 2],
    [4097, 3],
    [50257, 3],
    [262144, 3],
    [262145, 4],
  ])('of %i ids takes %i passes', (size, digits) => {
    const found = digitsOf(size)
    expect(found.digits).toBe(digits)
    expect(found.base ** digits).toBeGreaterThanOrEqual(size)
    expect(found.base).toBeLessThanOrEqual(64)
  })

  it('is made once for two tables of the same ids, and not at all for few elements', () => {
    const templates = (graph: Graph): readonly string[] =>
      schedule(optimise(graph, options).graph, PORTABLE, 'prefill').kernels.map(({ template }) => template)
    const one = graphOf(300, [8], 60)
    expect(templates(one)).toEqual(['expert histogram', 'sort by expert', 'elementwise', 'segment sum'])
    const { make } = createBuilder()
    const inputs = ['a', 'b'].map((name) => make('input', [], { name, dtype: 'f32', shape: [dim(300), dim(8)] }, NO_ORIGIN))
    const ids = make('input', [], { name: 'ids', dtype: 'i32', shape: [dim(300)] }, NO_ORIGIN)
    const outputs = inputs.map((values, i) => ({
      name: `y${i}`,
      doc: '',
      node: make('segment_sum', [values, ids], { size: dim(60) }, NO_ORIGIN) as Node,
    }))
    expect(templates({ ...one, inputs: [...inputs, ids] as unknown as Graph['inputs'], outputs })).toEqual([
      'expert histogram',
      'sort by expert',
      'elementwise',
      'segment sum',
      'segment sum',
    ])
    expect(templates(graphOf(8, [4], 10))).toEqual(['elementwise'])
  })
})
