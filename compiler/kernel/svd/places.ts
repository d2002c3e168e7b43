/** The layout of a decomposition in the result, and which threads work on it. */
import { constantValue, product, type Dim } from '../../../plan/dim.ts'
import type { Target } from '../../../plan/target.ts'
import type { Node } from '../../graph/node.ts'
import { add, binary, literal, load, multiply, select, size, u32, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { LimitError } from '../limit-error.ts'
import { THREAD, WORKGROUP, define, setElement, store, when, uniformLoad } from '../../scalar/statements.ts'

export interface Threads {
  readonly all: number
  /** The number of neighbouring threads that work on one pair of vectors. */
  readonly pair: number
}

/**
 * The K longer vectors are rotated in the memory of the result: columns of a tall matrix in place of the left vectors, rows of a
 * wide one in place of the right vectors. The K shorter vectors start as unit vectors in the other place. All indices count
 * elements of the result.
 */
export interface Places {
  readonly threads: Threads
  /** The definitions of the names that the other indices use. */
  readonly begin: readonly Statement[]
  readonly rows: Expression
  readonly columns: Expression
  readonly count: Expression
  /** The length of a longer vector. */
  readonly length: Expression
  readonly tall: Expression
  readonly pairs: Expression
  readonly value: (j: Expression) => Expression
  readonly long: (j: Expression, i: Expression) => Expression
  readonly short: (j: Expression, i: Expression) => Expression
  readonly get: (at: Expression) => Expression
  readonly put: (at: Expression, value: Expression) => Statement
  /** Element t of the matrix, row-major. */
  readonly given: (t: Expression) => Expression
}

/**
 * On a CPU a thread is cheap and a barrier expensive; a GPU coalesces the loads of neighbouring threads. Throws a LimitError
 * where a workgroup does not hold the threads of whole pairs.
 */
function threadsFor(node: Node & { op: 'svd' }, target: Target): Threads {
  const pairs = Math.ceil((smallest(node) ?? 64) / 2)
  const [pair, least, most] = target.kind === 'cpu' ? [1, 8, 64] : [16, 32, 256]
  const wanted = pair * 2 ** Math.ceil(Math.log2(pairs))
  const all = Math.min(Math.max(wanted, least), most, target.maxInvocationsPerWorkgroup)
  if (all % pair === 0) return { all, pair }
  throw new LimitError(
    'SMOE6005',
    `a singular value decomposition needs workgroups of ${pair} invocations, or of a multiple; ${target.name} allows ${target.maxInvocationsPerWorkgroup}`,
    'compile for the cpu device, or for a WebGPU adapter',
    node.origin,
  )
}

export const minus = (a: Expression, b: Expression): Expression => binary('subtract', a, b)

/** a <= b, folded where both are literals. */
function atMost(a: Expression, b: Expression): Expression {
  if (a.kind === 'literal' && b.kind === 'literal') return literal('bool', a.value <= b.value ? 1 : 0)
  return binary('less_equal', a, b)
}

/** A number that shader compilers cannot know: they would unroll the loops up to a small constant, and take seconds. */
const hide = (name: string, value: Expression): readonly Statement[] => [
  when(binary('equal', THREAD, u32(0)), [setElement('flag', u32(0), value)]),
  uniformLoad(name, 'flag', u32(0)),
]

export function placesOf(node: Node & { op: 'svd' }, source: string, out: string, target: Target): Places {
  const [m, n] = node.inputs[0].shape.slice(-2)
  const tall = atMost(size(n), size(m))
  const [rows, columns, count, length, base, pairs] = ['rows', 'columns', 'count', 'length', 'base', 'pairs'].map((name) =>
    variable('u32', name),
  )
  const left = add(base, count)
  const right = add(left, multiply(count, rows))
  const at = (start: Expression, width: Expression) => (j: Expression, i: Expression) => add(add(start, multiply(j, width)), i)
  const matrix = multiply(WORKGROUP, multiply(rows, columns))
  const threads = threadsFor(node, target)
  return {
    threads,
    begin: [
      ...hide('rows', size(m)),
      ...hide('columns', size(n)),
      ...hide('threads', u32(threads.all)),
      define('count', binary('minimum', rows, columns)),
      define('length', binary('maximum', rows, columns)),
      define('pairs', binary('divide', add(count, u32(1)), u32(2))),
      define('base', multiply(WORKGROUP, multiply(count, add(u32(1), add(rows, columns))))),
    ],
    rows,
    columns,
    count,
    length,
    tall,
    pairs,
    value: (j) => add(base, j),
    long: at(select(tall, left, right), length),
    short: at(select(tall, right, left), count),
    get: (index) => load('f32', out, index),
    put: (index, value) => store(out, index, value),
    given: (t) => load('f32', source, add(matrix, t)),
  }
}

function smallest({ inputs: [{ shape }] }: Node): number | undefined {
  const known = shape
    .slice(-2)
    .map(constantValue)
    .filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** The number of matrices. */
export const matricesOf = ({ inputs: [{ shape }] }: Node): Dim => product(shape.slice(0, -2))
