/** What is rounded to f16 for mixed precision, and what is not. */
import { expect, it } from 'vitest'
import { autocast, readByMatmuls } from '../../compiler/autodiff/autocast.ts'
import type { Graph, Node, Origin, Output } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import type { OpName, OpParams } from '../../compiler/graph/vocabulary.ts'
import { createBuilder, NONE } from '../../compiler/ops/build.ts'
import { dim } from '../../plan/dim.ts'

type Make = <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N], instance?: string) => Node

const ROUTER = 'layers.0/moe/router'

function graphOf(build: (make: Make) => Readonly<Record<string, Node | Pick<Output, 'node' | 'role'>>>): Graph {
  const builder = createBuilder()
  const inputs: Graph['inputs'][number][] = []
  const make: Make = (op, operands, params, instance = '') => {
    const node = builder.make(op, operands, params, { span: null, instance } satisfies Origin) as Node
    if (node.op === 'input') inputs.push(node)
    return node
  }
  const outputs = Object.entries(build(make)).map(([name, made]) => ({
    name,
    doc: '',
    ...('op' in made ? { node: made } : made),
  }))
  return { name: 'm', doc: '', dims: [], inputs: [...new Set(inputs)], outputs, docs: {} }
}

const weight = (make: Make, name: string, ...shape: readonly number[]): Node =>
  make('weight', [], { name, shape: shape.map((size) => dim(size)), source: { pieces: [], stacked: false }, doc: '' })
const input = (make: Make, name: string, ...shape: readonly number[]): Node =>
  make('input', [], { name, dtype: 'f32', shape: shape.map((size) => dim(size)) })
const product = (make: Make, left: Node, right: Node, instance?: string): Node =>
  make('contract', [left, right], { batch: [], over: [[left.shape.length - 1, right.shape.length - 1]] }, instance)

const castToF16 = (graph: Graph, ...weights: readonly string[]): Graph =>
  autocast(graph, { weights: new Set(weights), excluded: [ROUTER] })
const output = ({ outputs }: Graph, name: string): Node => outputs.find((one) => one.name === name)!.node
const roundings = (graph: Graph): number => nodesOf(graph).filter(({ op }) => op === 'cast_f16').length

it('operands and results of products are rounded, once for all who read them; inputs are not', () => {
  const graph = castToF16(
    graphOf((make) => {
      const x = input(make, 'x', 3, 4)
      const hidden = make('exp', [product(make, x, weight(make, 'a', 5, 4))], NONE)
      return { y: make('add', [product(make, hidden, weight(make, 'b', 5, 5)), hidden], NONE) }
    }),
  )
  const sum = output(graph, 'y')
  const [second, hidden] = sum.inputs
  expect([second, hidden, second.inputs[0].inputs[0], hidden.inputs[0].inputs[0]].map(({ op }) => op)).toEqual([
    'cast_f16',
    'cast_f16',
    'cast_f16',
    'cast_f16',
  ])
  expect(second.inputs[0].inputs[0]).toBe(hidden)
  expect(hidden.inputs[0].inputs[0].inputs[0].inputs.map(({ op }) => op)).toEqual(['input', 'weight'])
  expect(roundings(graph)).toBe(3)
})

it('what only says where elements lie stays between a product and what is rounded', () => {
  const graph = castToF16(
    graphOf((make) => {
      const x = make('exp', [input(make, 'x', 4, 3)], NONE)
      return { y: make('negate', [product(make, make('transpose', [x], { order: [1, 0] }), weight(make, 'a', 5, 4))], NONE) }
    }),
  )
  const [left] = output(graph, 'y').inputs[0].inputs[0].inputs
  expect([left.op, left.inputs[0].op, left.inputs[0].inputs[0].op]).toEqual(['transpose', 'cast_f16', 'exp'])
})

it('products read the copies of weights, others the weights', () => {
  const plain = graphOf((make) => {
    const w = weight(make, 'a', 6, 4)
    const part = make('slice', [w], { starts: [dim(2), dim(0)], sizes: [dim(2), dim(4)], steps: [1, 1] })
    return { y: product(make, input(make, 'x', 3, 4), part), z: make('exp', [w], NONE) }
  })
  expect([...readByMatmuls(plain, [])]).toEqual(['a'])
  const graph = castToF16(plain, 'a')
  const [, part] = output(graph, 'y').inputs
  expect(part.inputs[0].params).toMatchObject({ role: { kind: 'f16_copy', of: 'a' } })
  expect(output(graph, 'z').inputs[0].params).toMatchObject({ name: 'a' })
  expect(print(parse(print(graph), createBuilder().make))).toBe(print(graph))
})

it('a router stays as it is, and its weights', () => {
  const plain = graphOf((make) => {
    const [x, gate] = [make('exp', [input(make, 'x', 3, 4)], NONE), weight(make, 'gate', 5, 4)]
    const scores = make('negate', [product(make, x, gate, ROUTER)], NONE, ROUTER)
    return { y: product(make, scores, weight(make, 'a', 2, 5)) }
  })
  expect([...readByMatmuls(plain, [ROUTER])]).toEqual(['a'])
  expect(roundings(castToF16(plain, 'a'))).toBe(0)
})

it('gradients of weights are not rounded, nor what they are summed of; what is read elsewhere is', () => {
  const build = (make: Make) => {
    const [x, dy] = [input(make, 'x', 4, 3), input(make, 'dy', 5, 3)]
    const [one, other] = [product(make, dy, x), product(make, make('negate', [dy], NONE), x)]
    return { one, sum: make('add', [one, other], NONE) }
  }
  const role = { kind: 'gradient', of: 'w' } as const
  const alone = castToF16(graphOf((make) => ({ dw: { node: build(make).sum, role } })))
  expect(output(alone, 'dw').inputs.map(({ op }) => op)).toEqual(['contract', 'contract'])
  const shared = castToF16(
    graphOf((make) => {
      const { one, sum } = build(make)
      return { dw: { node: sum, role }, y: make('exp', [one], NONE) }
    }),
  )
  expect(output(shared, 'y').inputs[0].op).toBe('cast_f16')
  const named = castToF16(graphOf((make) => ({ 'gradient.w': build(make).sum })))
  expect(output(named, 'gradient.w').inputs.map(({ op }) => op)).toEqual(['cast_f16', 'cast_f16'])
})
