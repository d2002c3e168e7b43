/** Outputs that replace weights: which are written where the weight lies, and that nothing reads what is gone. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { compileGraph } from '../../../compiler/compile.ts'
import type { Graph, Node, Output } from '../../../compiler/graph/node.ts'
import { parse } from '../../../compiler/graph/parse.ts'
import { isOp, liveNodes } from '../../../compiler/graph/walk.ts'
import { evaluateKernels, type Memory } from '../../../compiler/kernel/ir/evaluate.ts'
import { memoryOf } from '../../../compiler/kernel/scope/memory-of.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../../compiler/ops/build.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { evaluateOn, type Weights } from '../../../compiler/reference/replace.ts'
import { hostTensor, type HostTensor } from '../../../compiler/reference/tensor.ts'
import { checkPlan } from '../../../plan/check.ts'
import { dim, type Dim } from '../../../plan/dim.ts'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import type { Device } from '../../../runtime/device.ts'
import { createSession } from '../../../runtime/session.ts'
import { createStore } from '../../../runtime/store.ts'
import { open, softwareDevices, storedAll } from '../../support/devices.ts'
import { ON_DEVICES } from '../../support/runs.ts'
import { assertProperty } from '../../support/property.ts'

const cpu: Target = { ...PORTABLE, kind: 'cpu', subgroupSize: 4 }
const targets: readonly Target[] = [PORTABLE, cpu, { ...PORTABLE, name: 'five buffers', maxStorageBuffers: 5 }]
const read = (text: string): Graph => parse(`graph "g"\n${text}`, createBuilder().make)
const scheduled = (graph: Graph, target: Target = PORTABLE) => {
  const optimised = optimise(graph, { variant: 'prefill', block: 4, tile: 4, weights: 'shared' }).graph
  return { graph: optimised, ...schedule(optimised, target, 'prefill') }
}
const numbers = (shape: readonly number[], from: number): HostTensor =>
  hostTensor(
    shape,
    'f32',
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.fround(Math.sin(from + i))),
  )

const W = '%0 = weight name "w" source ["w"] doc "" : f32[2, 3]'

describe('is written in place', () => {
  it.each([
    ['a weight that nothing reads', '%0 = input name "x" : f32[2, 3]\n%1 = exp(%0) : f32[2, 3]\noutput "w" = %1 replaces "w"', 1],
    ['a weight that is read element by element', `${W}\n%1 = exp(%0) : f32[2, 3]\noutput "w" = %1 replaces "w"`, 1],
    [
      'a weight that an earlier kernel reads as it likes',
      `${W}
%1 = input name "x" : f32[2, 3]
%2 = contract(%0, %0) batch [] over [[1, 1]] : f32[2, 2]
%3 = exp(%1) : f32[2, 3]
output "y" = %2
output "w" = %3 replaces "w"`,
      2,
    ],
    [
      'what is added to a product',
      `${W}
%1 = input name "a" : f32[2, 4]
%2 = input name "b" : f32[3, 4]
%3 = contract(%1, %2) batch [] over [[1, 1]] : f32[2, 3]
%4 = add(%0, %3) : f32[2, 3]
output "w" = %4 replaces "w"`,
      1,
    ],
    [
      'what is added to a sum for each expert',
      `%0 = weight name "w" source ["w"] doc "" : f32[3, 5, 4]
%1 = input name "x" : f32[6, 4]
%2 = input name "dy" : f32[6, 5]
%3 = input name "expert" : i32[6]
%4 = grouped_weight_gradient(%1, %2, %3) experts 3 : f32[3, 5, 4]
%5 = add(%0, %4) : f32[3, 5, 4]
output "w" = %5 replaces "w"`,
      3,
    ],
    [
      'two weights that are read for one another',
      `${W}
%1 = weight name "m" source [] doc "" : f32[2, 3]
%2 = input name "g" : f32[2, 3]
%3 = add(%1, %2) : f32[2, 3]
%4 = subtract(%0, %3) : f32[2, 3]
output "w" = %4 replaces "w"
output "m" = %3 replaces "m"`,
      1,
    ],
    [
      'two weights that read a third which is replaced',
      `${W}
%1 = weight name "m" source [] doc "" : f32[2, 3]
%2 = add(%1, %0) : f32[2, 3]
%3 = multiply(%1, %1) : f32[2, 3]
output "w" = %2 replaces "w"
output "m" = %3 replaces "m"`,
      1,
    ],
  ])('%s', (_, text, kernels) => {
    const made = scheduled(read(text))
    expect([...made.inPlace.keys()]).toEqual(
      made.graph.outputs.flatMap(({ name, replaces }) => (replaces === undefined ? [] : [name])),
    )
    expect(made.kernels).toHaveLength(kernels)
  })
})

describe('is copied', () => {
  it.each([
    [
      'what reads other elements of the weight',
      '%0 = weight name "w" source ["w"] doc "" : f32[3, 3]\n%1 = transpose(%0) order [1, 0] : f32[3, 3]\n%2 = exp(%1) : f32[3, 3]\noutput "w" = %2 replaces "w"',
    ],
    [
      'what reads all elements of the weight',
      '%0 = weight name "w" source ["w"] doc "" : f32[3]\n%1 = sum(%0) axis 0 : f32[]\n%2 = broadcast(%1) axes [] : f32[3]\n%3 = multiply(%2, %0) : f32[3]\n%4 = broadcast(%0) axes [1] : f32[3, 3]\n%5 = sum(%4) axis 1 : f32[3]\n%6 = add(%3, %5) : f32[3]\noutput "w" = %6 replaces "w"',
    ],
    ['a weight that is read back as it was', `${W}\n%1 = exp(%0) : f32[2, 3]\noutput "old" = %0\noutput "w" = %1 replaces "w"`],
    ['what is read back too', `${W}\n%1 = exp(%0) : f32[2, 3]\noutput "y" = %1\noutput "w" = %1 replaces "w"`],
    [
      'what another kernel reads',
      '%0 = input name "x" : f32[2, 3]\n%1 = exp(%0) : f32[2, 3]\n%2 = sum(%1) axis 0 : f32[3]\noutput "w" = %1 replaces "w"\noutput "y" = %2',
    ],
    [
      'an operand of its own product',
      '%0 = weight name "w" source ["w"] doc "" : f32[3, 3]\n%1 = contract(%0, %0) batch [] over [[1, 1]] : f32[3, 3]\noutput "w" = %1 replaces "w"',
    ],
    [
      'an operand of its own product, transposed',
      `%0 = weight name "w" source ["w"] doc "" : f32[4, 4]
%1 = transpose(%0) order [1, 0] : f32[4, 4]
%2 = contract(%1, %1) batch [] over [[1, 1]] : f32[4, 4]
output "w" = %2 replaces "w"
output "y" = %1`,
    ],
    [
      'what reads another weight that is replaced',
      `${W}\n%1 = weight name "v" source ["v"] doc "" : f32[3]\n%2 = broadcast(%1) axes [1] : f32[2, 3]\n%3 = add(%0, %2) : f32[2, 3]\n%4 = negate(%1) : f32[3]\noutput "w" = %3 replaces "w"\noutput "v" = %4 replaces "v"`,
    ],
    [
      'two weights in the place of each other',
      `${W}\n%1 = weight name "v" source ["v"] doc "" : f32[2, 3]\noutput "w" = %1 replaces "w"\noutput "v" = %0 replaces "v"`,
    ],
    ['another weight as it is', `${W}\noutput "v" = %0 replaces "v"`],
  ])('%s', (_, text) => {
    const made = scheduled(read(text))
    const copied = made.graph.outputs.filter(({ name, replaces }) => replaces !== undefined && !made.inPlace.has(name))
    expect(copied).not.toEqual([])
    const { plan } = compileGraph(read(text), PORTABLE)
    expect(checkPlan(plan).problems).toEqual([])
    const into = plan!.programs[0].copies!.filter(({ to }) => plan!.buffers[to].role === 'weight')
    expect(into).toHaveLength(copied.length)
  })
})

it('numbers that all elements share are worked out once, by a kernel of their own', () => {
  const { kernels, graph } = scheduled(
    read(`${W}
%1 = input name "rate" : f32[]
%2 = input name "correction" : f32[]
%3 = divide(%1, %2) : f32[]
%4 = broadcast(%3) axes [] : f32[2, 3]
%5 = multiply(%0, %4) : f32[2, 3]
output "w" = %5 replaces "w"`),
  )
  expect(kernels.map(({ buffers }) => buffers.length)).toEqual([3, 2])
  expect(graph.outputs).toHaveLength(1)
})

it('a plan leaves the layout of weights that are replaced or shared, and holds nothing of them', () => {
  const text = `%0 = weight name "w" source ["w"] doc "" : f32[2, 3]
%1 = weight name "v" source ["v"] doc "" : f32[3, 2]
%2 = transpose(%1) order [1, 0] : f32[2, 3]
%3 = compute_at_load(%2) name "held" : f32[2, 3]
%4 = multiply(%3, %0) : f32[2, 3]
`
  const names = (plan: ReturnType<typeof compileGraph>['plan']) => plan!.weights.map(({ name }) => name).toSorted()
  expect(names(compileGraph(read(`${text}output "y" = %4`), PORTABLE).plan)).toEqual(['v^T', 'w'])
  const [replacing, shared] = [
    compileGraph(read(`${text}output "w" = %4 replaces "w"`), PORTABLE).plan,
    compileGraph(read(`${text}output "y" = %4`), PORTABLE, { weights: 'shared' }).plan,
  ]
  for (const plan of [replacing, shared]) {
    expect(names(plan)).toEqual(['v', 'w'])
    expect(plan!.once).toBeNull()
  }
})

// ---- random graphs of weights that replace each other

const SHAPES = [[4], [2, 4], [4, 4], [2, 3, 2]] as const
const UNARY = ['negate', 'sin', 'sigmoid', 'abs'] as const
const BINARY = ['add', 'subtract', 'multiply', 'minimum'] as const

interface Sample {
  readonly graph: Graph
  readonly weights: Weights
  readonly inputs: Record<string, HostTensor>
}

function grow(tape: readonly number[]): Sample {
  let at = 0
  const choose = (below: number): number => (tape[at++] ?? 0) % below
  const builder = createBuilder()
  const leaf = (name: string, shape: readonly number[]): Node =>
    builder.make(
      'weight',
      [],
      {
        name,
        shape: shape.map((size) => dim(size)),
        source: { pieces: [{ tensor: name, slices: [], transpose: false }], stacked: false },
        doc: '',
      },
      NO_ORIGIN,
    ) as Node
  const pool: Node[] = SHAPES.flatMap((shape, s) => [leaf(`a${s}`, shape), leaf(`b${s}`, shape)])
  const rate = builder.make('input', [], { name: 'rate', dtype: 'f32', shape: [] }, NO_ORIGIN)
  const like = (node: Node): readonly Node[] => pool.filter(({ shape }) => keyOf(shape) === keyOf(node.shape))
  while (at < tape.length && pool.length < 24) {
    const x = pool[choose(pool.length)]
    const way = choose(8)
    if (way === 0) pool.push(builder.make(UNARY[choose(4)], [x], NONE, NO_ORIGIN) as Node)
    else if (way < 4) pool.push(builder.make(BINARY[choose(4)], [x, like(x)[choose(like(x).length)]], NONE, NO_ORIGIN) as Node)
    else if (way === 4)
      pool.push(
        builder.make(
          'multiply',
          [x, builder.make('broadcast', [rate], { shape: x.shape, axes: [] }, NO_ORIGIN)],
          NONE,
          NO_ORIGIN,
        ) as Node,
      )
    else if (x.shape.length === 2) {
      const other = pool.filter(({ shape }) => shape.length === 2 && shape[1] === x.shape[1])
      if (way === 7) {
        if (x.shape[0] === x.shape[1]) pool.push(builder.make('transpose', [x], { order: [1, 0] }, NO_ORIGIN) as Node)
      } else if (way === 5) pool.push(builder.make('sum', [x], { axis: 0 }, NO_ORIGIN) as Node)
      else pool.push(builder.make('contract', [x, other[choose(other.length)]], { batch: [], over: [[1, 1]] }, NO_ORIGIN) as Node)
    }
  }
  const outputs: Output[] = []
  const names = SHAPES.flatMap((_, s) => [`a${s}`, `b${s}`, `new${s}`])
  const replaced = names.filter(() => choose(2) === 1)
  for (const name of replaced) {
    const shape = SHAPES[Number(name.at(-1))].map((size) => dim(size))
    const fits = pool.filter((node) => keyOf(node.shape) === keyOf(shape))
    if (fits.length > 0)
      outputs.push({ name, node: fits[fits.length - 1 - choose(Math.min(3, fits.length))], doc: '', replaces: name })
  }
  const shown = pool.filter(() => choose(6) === 1)
  const graph: Graph = {
    name: 'random',
    doc: '',
    dims: [],
    inputs: [rate as Graph['inputs'][number]],
    docs: {},
    outputs: [...outputs, ...[pool.at(-1)!, ...shown].map((node, n) => ({ name: `y${n}`, node, doc: '' }))],
  }
  const weights = new Map(
    SHAPES.flatMap((shape, s) => [[`a${s}`, numbers(shape, s)] as const, [`b${s}`, numbers(shape, s + 10)] as const]),
  )
  return { graph, weights, inputs: { rate: hostTensor([], 'f32', Float64Array.of(0.5)) } }
}

const keyOf = (shape: readonly Dim[]): string => shape.map(({ key }) => key).join()

const samples = fc.array(fc.nat(1000), { maxLength: 120, size: 'max' }).map(grow)
const close = (a: number, b: number, accuracy: number): boolean =>
  Object.is(a, b) || Math.abs(a - b) <= accuracy * Math.max(1, Math.abs(a), Math.abs(b))

function compare(name: string, got: ArrayLike<number>, want: ArrayLike<number>, accuracy: number): void {
  if (got.length !== want.length) throw new Error(`${name} has ${got.length} elements, not ${want.length}`)
  for (let i = 0; i < want.length; i++)
    if (!close(got[i], want[i], accuracy)) throw new Error(`${name}[${i}] is ${got[i]}, not ${want[i]}`)
}

/** Kernels, evaluated on the host with what they write in place, beside the graph. */
function evaluated({ graph, weights, inputs }: Sample, target: Target): void {
  const { graph: optimised, kernels, isMaterialized, inPlace } = scheduled(graph, target)
  const leaves = liveNodes(optimised).filter((node) => isOp(node, 'weight'))
  const memory: Memory = new Map(leaves.map((node) => [node as Node, weights.get(node.params.name)!.values.slice()]))
  for (const node of optimised.inputs) memory.set(node, inputs[node.params.name].values)
  const replacedBy = new Map(
    optimised.outputs.map(({ name, replaces }) => [name, leaves.find(({ params }) => params.name === replaces)]),
  )
  const places = new Map(
    [...inPlace].flatMap(([name, node]) => (replacedBy.get(name) === undefined ? [] : [[node, replacedBy.get(name)!] as const])),
  )
  for (const node of liveNodes(optimised))
    if (node.op === 'constant' && node.shape.length > 0) memory.set(node, Float64Array.from(node.params.values))
  evaluateKernels(kernels, memory, {}, places)
  const after: Weights = new Map(weights)
  const shown = evaluateOn(after, graph, inputs)
  for (const { name, node, replaces } of optimised.outputs) {
    const merged = inPlace.has(name) ? replacedBy.get(name) : undefined
    const got = memory.get(merged ?? memoryOf(node, isMaterialized)!)!
    compare(name, got, (replaces === undefined ? shown[name] : after.get(replaces)!).values, 1e-12)
  }
}

const [V, U] = ['v', 'u'].map((name, at) => `%${at} = weight name "${name}" source ["${name}"] doc "" : f32[4, 4]`)

test.each([
  [
    'a product that multiplies the other one',
    `${V}\n${U}
%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[4, 4]
%3 = contract(%0, %2) batch [] over [[1, 1]] : f32[4, 4]
%4 = multiply(%3, %2) : f32[4, 4]
output "y" = %4
output "v" = %2 replaces "v"`,
  ],
  [
    'a value that another kernel reads transposed',
    `${V}\n${U}
%2 = add(%0, %1) : f32[4, 4]
%3 = transpose(%2) order [1, 0] : f32[4, 4]
%4 = sin(%3) : f32[4, 4]
output "v" = %4 replaces "v"
output "u" = %2 replaces "u"`,
  ],
])('kernels of several results: %s', (_, text) => {
  for (const target of targets)
    evaluated(
      {
        graph: read(text),
        weights: new Map([
          ['v', numbers([4, 4], 1)],
          ['u', numbers([4, 4], 2)],
        ]),
        inputs: {},
      },
      target,
    )
})

const names = await softwareDevices()

describe('random graphs', () => {
  it.each(targets)('leave the weights that they say, on $kind with $maxStorageBuffers buffers', (target) => {
    assertProperty(
      fc.property(samples, (sample) => evaluated(sample, target)),
      150,
      { endOnFailure: true },
    )
  })

  describe.each(names)('on %s', ON_DEVICES, (name) => {
    let device: Device
    beforeAll(async () => void (device = await open(name)))
    afterAll(() => device.dispose())

    it('leave the weights that they say, twice over and side by side', async () => {
      await assertProperty(
        fc.asyncProperty(samples, async ({ graph, weights, inputs }) => {
          const { plan } = compileGraph(graph, device.target, { weights: 'shared' })
          expect(checkPlan(plan).problems).toEqual([])
          const members = graph.outputs.flatMap(({ replaces, node }, at) =>
            replaces === undefined ? [] : [{ name: replaces, shape: node.shape.map(({ key }) => Number(key)), at: 64 * at }],
          )
          const store = createStore(device, {
            buckets: members.length === 0 ? [] : [{ name: 'all', dtype: 'f32', elements: 64 * members.length, members }],
          })
          await store.write(storedAll(Object.fromEntries(weights)))
          const session = await createSession(device, plan!, { store })
          const after: Weights = new Map(weights)
          for (const _ of [1, 2]) {
            const [got, want] = [await session.run(storedAll(inputs)), evaluateOn(after, graph, inputs)]
            for (const [name, { values }] of Object.entries(want)) compare(name, got[name].data, values, 1e-4)
          }
          const left = await store.read()
          for (const [name, { values }] of after) compare(name, left[name].data, values, 1e-4)
          store.dispose()
        }),
        10,
        { endOnFailure: true },
      )
    })
  })
})
