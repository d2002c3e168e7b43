/** The value of any node at given indices as one scalar expression, down to what lies in buffers. */
import { ZERO, add as addDims, type Dim } from '../../../plan/dim.ts'
import type { OpName } from '../../graph/vocabulary.ts'
import type { Node } from '../../graph/node.ts'
import { records } from '../../ops/records.ts'
import type { OpRecord } from '../../ops/record.ts'
import type { Expression } from '../../scalar/expression.ts'
import {
  add,
  call,
  canonical,
  cast,
  divide,
  idOf,
  less,
  literal,
  load,
  multiply,
  reduce,
  remainder,
  select,
  size,
  u32,
  variable,
  binary,
} from '../../scalar/build.ts'
import { linearise, reshapeIndices } from './indexing.ts'

/** Knows where values are; one a kernel, so that the names in it do not depend on the rest of the graph. */
export interface Scope {
  /** The buffer that holds a node's values, row-major; null where it is computed in place. */
  readonly bufferOf: (node: Node) => string | null
  /** A value that the kernel holds already. */
  readonly held?: (node: Node, indices: readonly Expression[]) => Expression | null
}

export interface Accessor {
  readonly at: (node: Node, indices: readonly Expression[]) => Expression
  readonly freshVariable: () => string
  /** Drops what is remembered: what the kernel holds has changed. */
  readonly forget: () => void
}

type Rule<N extends OpName> = (node: Node & { op: N }, indices: readonly Expression[], accessor: Accessor) => Expression

const index = (accessor: Accessor, ids: Node, at: readonly Expression[]): Expression => cast('u32', accessor.at(ids, at))

function reduceAlong(
  word: 'sum' | 'max' | 'min',
): (node: Node & { op: 'sum' | 'max' | 'min' }, indices: readonly Expression[], a: Accessor) => Expression {
  return (node, indices, accessor) => {
    const { axis } = node.params
    const name = accessor.freshVariable()
    const inner = [...indices.slice(0, axis), variable('u32', name), ...indices.slice(axis)]
    return reduce(word, name, size(node.inputs[0].shape[axis]), accessor.at(node.inputs[0], inner))
  }
}

function sumOver(accessor: Accessor, extent: Dim, body: (at: Expression) => Expression): Expression {
  const name = accessor.freshVariable()
  return reduce('sum', name, size(extent), body(variable('u32', name)))
}

/** result[batch, left free, right free] = sum of left * right over the joined axes. */
const contractAt: Rule<'contract'> = (node, indices, accessor) => {
  const [left, right] = node.inputs
  const { batch, over } = node.params
  const names = over.map(() => accessor.freshVariable())
  const operandIndices = (operand: Node, side: 0 | 1, free: readonly Expression[]): readonly Expression[] => {
    let nextFree = 0
    return operand.shape.map((_, axis) => {
      const inBatch = batch.findIndex((pair) => pair[side] === axis)
      if (inBatch >= 0) return indices[inBatch]
      const joined = over.findIndex((pair) => pair[side] === axis)
      return joined >= 0 ? variable('u32', names[joined]) : free[nextFree++]
    })
  }
  const leftFree = left.shape.length - batch.length - over.length
  const l = accessor.at(left, operandIndices(left, 0, indices.slice(batch.length, batch.length + leftFree)))
  const r = accessor.at(right, operandIndices(right, 1, indices.slice(batch.length + leftFree)))
  return over.reduceRight((body, [axis], at) => reduce('sum', names[at], size(left.shape[axis]), body), multiply(l, r))
}

const RULES: { readonly [N in OpName]?: Rule<N> } = {
  constant: (node) => {
    if (node.shape.length > 0) throw new Error('a constant of rank above 0 lies in a buffer')
    return literal(node.dtype, node.params.values[0])
  },
  iota: (_, [i]) => cast('i32', i),
  reshape: (node, indices, accessor) => accessor.at(node.inputs[0], reshapeIndices(indices, node.shape, node.inputs[0].shape)),
  transpose: (node, indices, accessor) => {
    const inner: Expression[] = []
    node.params.order.forEach((from, axis) => (inner[from] = indices[axis]))
    return accessor.at(node.inputs[0], inner)
  },
  broadcast: (node, indices, accessor) =>
    accessor.at(
      node.inputs[0],
      node.params.axes.map((axis) => indices[axis]),
    ),
  optimization_barrier: (node, indices, accessor) => accessor.at(node.inputs[0], indices),
  slice: (node, indices, accessor) =>
    accessor.at(
      node.inputs[0],
      indices.map((i, axis) => add(multiply(i, u32(node.params.steps[axis])), size(node.params.starts[axis]))),
    ),
  concat: (node, indices, accessor) => {
    const { axis } = node.params
    const starts = node.inputs.map((_, part) =>
      size(node.inputs.slice(0, part).reduce<Dim>((end, before) => addDims(end, before.shape[axis]), ZERO)),
    )
    const values = node.inputs.map((input, part) => {
      // an index before its part is never used; it is kept at 0 so that it points somewhere
      const inside =
        part === 0
          ? indices[axis]
          : select(less(indices[axis], starts[part]), u32(0), binary('subtract', indices[axis], starts[part]))
      return accessor.at(
        input,
        indices.map((i, at) => (at === axis ? inside : i)),
      )
    })
    return values.reduce((before, value, part) => select(less(indices[axis], starts[part]), before, value))
  },
  sum: reduceAlong('sum'),
  max: reduceAlong('max'),
  min: reduceAlong('min'),
  contract: contractAt,
  take: (node, indices, accessor) => {
    const [table, ids] = node.inputs
    const row = index(accessor, ids, indices.slice(0, ids.shape.length))
    return accessor.at(table, [row, ...indices.slice(ids.shape.length)])
  },
  pick: (node, indices, accessor) => {
    const [x, ids] = node.inputs
    return accessor.at(x, [...indices.slice(0, -1), index(accessor, ids, indices)])
  },
  grouped_matmul: (node, [row, column], accessor) => {
    const [x, bank, expert] = node.inputs
    const name = accessor.freshVariable()
    const depth = variable('u32', name)
    const weight = accessor.at(bank, [index(accessor, expert, [row]), column, depth])
    return reduce('sum', name, size(x.shape[1]), multiply(accessor.at(x, [row, depth]), weight))
  },
  grouped_weight_gradient: (node, [chosen, column, depth], accessor) => {
    const [x, y, expert] = node.inputs
    return sumOver(accessor, x.shape[0], (row) => {
      const isOwn = binary('equal', accessor.at(expert, [row]), cast('i32', chosen))
      return select(isOwn, multiply(accessor.at(y, [row, column]), accessor.at(x, [row, depth])), literal('f32', 0))
    })
  },
  random: (node, indices, accessor) => {
    const [seed, step] = [0, 1].map((at) => cast('u32', accessor.at(node.inputs[0], [u32(at)])))
    const place = linearise(indices, node.shape)
    return uniformOf(call('random_bits', [seed, u32(node.params.stream), divide(place, u32(4)), step, remainder(place, u32(4))]))
  },
  segment_sum: (node, [chosen, ...rest], accessor) => {
    const [values, ids] = node.inputs
    return sumOver(accessor, values.shape[0], (row) =>
      select(
        binary('equal', accessor.at(ids, [row]), cast('i32', chosen)),
        accessor.at(values, [row, ...rest]),
        literal('f32', 0),
      ),
    )
  },
}

/** A number from the upper bits of a word, as `plan/philox.ts` makes it. */
function uniformOf(word: Expression): Expression {
  const whole = cast('f32', divide(word, u32(2 ** 9)))
  return multiply(add(whole, literal('f32', 0.5)), literal('f32', 2 ** -23))
}

/** An elementwise node's value from its operands' values. */
export function elementwise(node: Node, operands: readonly Expression[]): Expression {
  const form = (records[node.op] as OpRecord<OpName>).scalar
  if (form === null) throw new Error(`${node.op} has no value one element at a time`)
  return canonical(form(operands, node.params as never))
}

export function createAccessor(scope: Scope): Accessor {
  const memo = new Map<string, Expression>()
  let variables = 0
  const accessor: Accessor = {
    freshVariable: () => `r${variables++}`,
    forget: () => memo.clear(),
    at: (node, indices) => {
      const key = `${node.id} ${indices.map(idOf).join(' ')}`
      const known = memo.get(key)
      if (known !== undefined) return known
      const value = compute(node, indices)
      memo.set(key, value)
      return value
    },
  }
  const compute = (node: Node, indices: readonly Expression[]): Expression => {
    const held = scope.held?.(node, indices)
    if (held !== null && held !== undefined) return held
    const buffer = scope.bufferOf(node)
    if (buffer !== null) return load(node.dtype, buffer, linearise(indices, node.shape))
    const rule = RULES[node.op] as Rule<OpName> | undefined
    if (rule !== undefined) return rule(node as never, indices, accessor)
    return elementwise(
      node,
      node.inputs.map((input) => accessor.at(input, indices)),
    )
  }
  return accessor
}
