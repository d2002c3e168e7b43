/**
 * Numbers of f16 in memory: rounded alike on every adapter, read and written whatever their number, and refused where they cannot
 * lie.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { autocast } from '../../compiler/autodiff/autocast.ts'
import { compileGraph } from '../../compiler/compile.ts'
import type { Graph, Node, Output } from '../../compiler/graph/node.ts'
import type { OpName, OpParams } from '../../compiler/graph/vocabulary.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../compiler/ops/build.ts'
import { half } from '../../compiler/scalar/functions.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { checkPlan } from '../../plan/check.ts'
import { dim, symbol } from '../../plan/dim.ts'
import type { Plan } from '../../plan/plan.ts'
import { PORTABLE } from '../../plan/target.ts'
import { FeatureError } from '../../runtime/errors.ts'
import { estimate } from '../../runtime/memory.ts'
import { createSession } from '../../runtime/session.ts'
import { createStore } from '../../runtime/store.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { runPlan } from '../support/graph-on-device.ts'
import { floats, uniform } from '../support/random.ts'

interface Words {
  readonly make: <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]) => Node
  readonly input: (name: string, ...shape: readonly (number | string)[]) => Node
  readonly product: (left: Node, right: Node) => Node
}

function graphOf(
  dims: readonly string[],
  build: (words: Words) => Readonly<Record<string, Node | Pick<Output, 'node' | 'replaces'>>>,
): Graph {
  const builder = createBuilder()
  const inputs: Graph['inputs'][number][] = []
  const make: Words['make'] = (op, operands, params) => builder.make(op, operands, params, NO_ORIGIN) as Node
  const words: Words = {
    make,
    input: (name, ...shape) => {
      const node = make('input', [], {
        name,
        dtype: 'f32',
        shape: shape.map((size) => (typeof size === 'number' ? dim(size) : symbol(size))),
      }) as Graph['inputs'][number]
      inputs.push(node)
      return node
    },
    product: (left, right) =>
      make('contract', [left, right], { batch: [], over: [[left.shape.length - 1, right.shape.length - 1]] }),
  }
  const outputs = Object.entries(build(words)).map(([name, made]): Output => ({
    name,
    doc: '',
    ...('op' in made ? { node: made } : made),
  }))
  return { name: 'm', doc: '', dims: dims.map((name) => ({ name, doc: '' })), inputs, outputs, docs: {} }
}

function planOf(graph: Graph, target = PORTABLE): Plan {
  const { plan } = compileGraph(graph, target, { weights: 'shared' })
  if (plan === null) throw new Error('no plan')
  expect(checkPlan(plan).problems).toEqual([])
  return plan
}

const weight = (words: Words, name: string, shape: readonly number[]): Node =>
  words.make('weight', [], { name, shape: shape.map((size) => dim(size)), source: { pieces: [], stacked: false }, doc: '' })

const f16Copy = (words: Words, of: string, shape: readonly number[]): Node =>
  words.make('variable', [], { role: { kind: 'f16_copy', of }, shape: shape.map((size) => dim(size)) })

const scratchTypes = ({ buffers }: Plan): readonly string[] =>
  buffers.filter(({ role }) => role === 'scratch').map(({ dtype }) => dtype)

/** Two products and what lies between them, of any number of rows and of an odd depth. */
const chain = (depth: number, width: number): Graph =>
  autocast(
    graphOf(['T'], ({ make, input, product }) => {
      const [x, a, b] = [input('x', 'T', depth), input('a', width, depth), input('b', depth, width)]
      const between = make('tanh', [product(make('multiply', [x, x], NONE), a)], NONE)
      return { y: make('add', [product(make('exp', [between], NONE), b), x], NONE) }
    }),
    { weights: new Set(), excluded: [] },
  )

const feed = (depth: number, width: number, rows: number): Readonly<Record<string, HostTensor>> => {
  const next = uniform(5)
  return { x: floats([rows, depth], next, 1), a: floats([width, depth], next, 0.4), b: floats([depth, width], next, 0.4) }
}

/** One side of a step of f16 at a size. */
const step = (size: number): number => 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10)

const edges = [
  0,
  -0,
  1 / 3,
  -2049,
  2051,
  65503,
  65519.99,
  65520,
  -65520,
  1e30,
  -Infinity,
  2 ** -14,
  0.9999 * 2 ** -14,
  3 * 2 ** -26,
  2 ** -25,
  1.01 * 2 ** -25,
  -(2 ** -24),
  1e-12,
  NaN,
]
const noise = uniform(9)
const numbers = Float64Array.from(
  [...edges, ...Array.from({ length: 4000 }, () => (noise() - 0.5) * 2 ** Math.floor(44 * noise() - 27))],
  Math.fround,
)

it('numbers of f16 take two bytes', () => {
  const [halves, singles] = [
    chain(8, 16),
    graphOf(['T'], ({ make, input, product }) => {
      const [x, a, b] = [input('x', 'T', 8), input('a', 16, 8), input('b', 8, 16)]
      const between = make('tanh', [product(make('multiply', [x, x], NONE), a)], NONE)
      return { y: make('add', [product(make('exp', [between], NONE), b), x], NONE) }
    }),
  ].map((graph) => planOf(graph))
  expect(new Set(scratchTypes(halves))).toEqual(new Set(['f16']))
  expect(new Set(scratchTypes(singles))).toEqual(new Set(['f32']))
  expect(estimate(halves, { T: 64 }).scratch).toBe(estimate(singles, { T: 64 }).scratch / 2)
  expect([halves.requires.features, singles.requires.features]).toEqual([['shader-f16'], []])
})

it('what the host gives and is given is never f16', () => {
  const plan = planOf(chain(8, 16))
  const {
    outputs: [y],
  } = plan
  const broken = {
    ...plan,
    outputs: [{ ...y, dtype: 'f16' }],
    buffers: plan.buffers.map((buffer) => (buffer.id === y.buffer ? { ...buffer, dtype: 'f16' } : buffer)),
  }
  expect(checkPlan(broken).problems).toContain('outputs[0].dtype: f16 lies on the device alone')
  const made = planOf(
    graphOf([], (words) => ({ made: { node: words.make('cast_f16', [weight(words, 'w', [5, 7])], NONE), replaces: 'f16.w' } })),
  )
  const pieces = [{ tensor: 'w', slices: [], transpose: false }]
  expect(checkPlan({ ...made, weights: made.weights.map((port) => ({ ...port, pieces })) }).problems).toEqual([
    'weights[0] (f16.w).dtype: f16 is of no checkpoint; a run makes it',
  ])
  // rounded, and read back as f32
  const read = planOf(graphOf(['T'], ({ make, input }) => ({ y: make('cast_f16', [input('x', 'T')], NONE) })))
  expect(read.outputs[0].dtype).toBe('f32')
  expect(read.requires.features).toEqual([])
})

describe.each(await softwareDevices())('on %s', ON_DEVICES, async (name) => {
  const device = await open(name)
  afterAll(() => device.dispose())
  const hasHalves = device.target.features.includes('shader-f16')

  it('numbers are rounded to f16 as in the reference, with or without memory for it', async () => {
    const graph = graphOf(['T'], ({ make, input }) => ({ y: make('cast_f16', [input('x', 'T')], NONE) }))
    const { y } = await runPlan(device, planOf(graph, device.target), {
      inputs: { x: hostTensor([numbers.length], 'f32', numbers) },
      weights: {},
    })
    expect([...Array.from(y.data)].map((value) => value)).toEqual([...numbers].map(half))
  }, 120_000)

  it.runIf(!hasHalves)('a plan with numbers of f16 in memory is refused', async () => {
    if (device.target.runs === 'cpu') {
      expect(() => planOf(chain(7, 5), device.target)).toThrow(/store no f16/)
    } else await expect(createSession(device, planOf(chain(7, 5), device.target))).rejects.toThrow(FeatureError)
  })

  it.runIf(hasHalves).each([
    [7, 5, 1],
    [7, 5, 3],
    [8, 16, 5],
    [8, 16, 33],
    [12, 7, 40],
  ])(
    'products of depths %i and %i over %i rows',
    async (depth, width, rows) => {
      const graph = chain(depth, width)
      const inputs = feed(depth, width, rows)
      const { y } = await runPlan(device, planOf(graph, device.target), { inputs, weights: {} })
      const expected = evaluate(graph, { inputs, weights: {} }).y.values
      // a number that f32 and f64 see on two sides of the middle is rounded to the other of two neighbours, and a product adds
      // `width` of them
      for (const [at, value] of expected.entries()) expect(Math.abs(y.data[at] - value), `${at}`).toBeLessThan(2 * step(8))
    },
    120_000,
  )

  it.runIf(hasHalves)(
    'weights in halves are made from others, in their place or copied, and read back',
    async () => {
      const making = planOf(
        graphOf([], (words) => ({
          made: { node: words.make('cast_f16', [weight(words, 'w', [5, 7])], NONE), replaces: 'f16.w' },
        })),
        device.target,
      )
      // read by a product before the end of the run: copied
      const copying = planOf(
        graphOf(['T'], (words) => {
          const halves = words.make('cast_f16', [words.make('negate', [weight(words, 'w', [5, 7])], NONE)], NONE)
          return { made: { node: halves, replaces: 'f16.w' }, y: words.product(words.input('x', 'T', 7), halves) }
        }),
        device.target,
      )
      const reading = planOf(
        graphOf(['T'], (words) => ({ y: words.product(words.input('x', 'T', 7), f16Copy(words, 'w', [5, 7])) })),
        device.target,
      )
      expect([making.programs[0].copies, copying.programs.at(-1)!.copies?.length]).toEqual([undefined, 1])
      const store = createStore(device)
      const w = floats([5, 7], uniform(3), 1)
      const unit = hostTensor(
        [7, 7],
        'f32',
        Float64Array.from({ length: 49 }, (_, at) => Number(at % 8 === 0)),
      )
      await store.write(storedAll({ w }))
      const session = async (plan: Plan) => createSession(device, plan, { store })
      await (await session(making)).run({})
      const rounded = w.values.map(half)
      expect([...(await store.read(['f16.w']))['f16.w'].data]).toEqual([...rounded])
      const { y } = await (await session(reading)).run(storedAll({ x: unit }))
      expect([...y.data]).toEqual(Array.from({ length: 35 }, (_, at) => rounded[(at % 5) * 7 + Math.floor(at / 5)]))
      await (await session(copying)).run(storedAll({ x: unit }))
      expect([...(await store.read(['f16.w']))['f16.w'].data]).toEqual([...rounded].map((value) => -value))
      await expect(store.write(storedAll({ 'f16.w': w }))).rejects.toThrow('weight f16.w: is f16[5, 7] in the store')
      store.dispose()
    },
    120_000,
  )
})
