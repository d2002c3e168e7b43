/** The backward pass of Sinkhorn scaling, as a kernel on the host in f64 and on every software adapter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import { evaluateKernels, type Memory } from '../../../compiler/kernel/ir/evaluate.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { hostTensor, type HostTensor } from '../../../compiler/ops/tensor.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { openSoftware } from '../../support/devices.ts'
import { ON_DEVICES } from '../../support/runs.ts'
import type { Device } from '../../../runtime/device.ts'
import { createSession } from '../../../runtime/session.ts'
import { relativeError } from '../../support/compare.ts'
import { storedAll } from '../../support/devices.ts'
import { planOf } from '../../support/graph-on-device.ts'
import { uniform } from '../../support/random.ts'
import { apart, feedsOf, gradientGraph, randomProblem, type Problem, type Solving } from '../../support/sinkhorn.ts'

const cpu: Target = { ...PORTABLE, name: 'cpu', kind: 'cpu' }

interface Case {
  readonly name: string
  readonly problem: Problem
  readonly params: Solving
}

const sizes = [
  [1, 1],
  [16, 8],
  [3, 40],
  [127, 3],
  [128, 5],
  [300, 6],
] as const

const masked: Problem = (() => {
  const whole = randomProblem(30, 4, 1, true, uniform(3))
  const rows = { ...whole.rows, values: whole.rows.values.map((mass, t) => (t % 3 === 0 ? 0 : mass)) }
  return { ...whole, rows, columns: { ...whole.columns, values: Float64Array.of(0, 12, 5, 3) } }
})()

const cases: readonly Case[] = [
  ...sizes.flatMap(([tokens, width]) =>
    [1, 4].map((iterations) => ({
      name: `${tokens} rows, ${width} columns, ${iterations} iterations`,
      problem: randomProblem(tokens, width, 1, false, uniform(tokens + width)),
      params: { iterations, tolerance: 0 },
    })),
  ),
  {
    name: 'as many as it takes',
    problem: randomProblem(50, 4, 1, false, uniform(9)),
    params: { iterations: 40, tolerance: 1e-2 },
  },
  {
    name: 'scores whose exp is beyond f32',
    problem: randomProblem(16, 8, 90, true, uniform(5)),
    params: { iterations: 3, tolerance: 0 },
  },
  { name: 'marginals of 0', problem: masked, params: { iterations: 3, tolerance: 0 } },
  { name: 'no rows', problem: randomProblem(0, 4, 1, true, uniform(3)), params: { iterations: 2, tolerance: 0 } },
]

function inputsOf({ problem }: Case): Readonly<Record<string, HostTensor>> {
  const width = problem.columns.values.length
  const draw = uniform(width)
  return {
    ...feedsOf(problem).inputs,
    cotangent: hostTensor(
      [width + 2],
      'f32',
      Float64Array.from({ length: width + 2 }, () => Math.fround(draw() - 0.5)),
    ),
  }
}

const graphOf = ({ problem, params }: Case, tokens: number | 'T') => gradientGraph(tokens, problem.columns.values.length, params)

describe.each([PORTABLE, cpu])('for $kind', (target) => {
  it.each(cases)('$name', (one) => {
    const inputs = inputsOf(one)
    const graph = graphOf(one, 'T')
    const memory: Memory = new Map(graph.inputs.map((input) => [input, inputs[input.params.name].values]))
    evaluateKernels(schedule(graph, target, 'prefill').kernels, memory, { T: one.problem.rows.values.length })
    expect(apart(memory.get(graph.outputs[0].node)!, evaluate(graph, { inputs, weights: {} }).y.values)).toBeLessThan(1e-9)
  })
})

describe('on devices', ON_DEVICES, () => {
  let devices: readonly Device[] = []
  beforeAll(async () => void (devices = await openSoftware()))
  afterAll(() => devices.forEach((device) => device.dispose()))

  it.each(cases.filter(({ name }) => /^300 rows.* 4 it|^3 rows.* 4 it|marginals|beyond/.test(name)))(
    '$name',
    async (one) => {
      const feeds = { inputs: inputsOf(one), weights: {} }
      const graph = graphOf(one, 'T')
      const want = evaluate(graph, feeds).y.values
      for (const device of devices) {
        const session = await createSession(device, planOf(graph, device.target, 'prefill'))
        const [first, second] = [await session.run(storedAll(feeds.inputs)), await session.run(storedAll(feeds.inputs))]
        session.dispose()
        expect(relativeError(first.y.data, want), device.choice.name).toBeLessThan(1e-5)
        expect(second.y.data).toEqual(first.y.data)
      }
    },
    240_000,
  )
})
