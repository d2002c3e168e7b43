/** Ops on one element: the chain rule, element by element. Where a function has a corner, one side's slope is taken. */
import type { Node } from '../../graph/node.ts'
import type { OpName } from '../../graph/vocabulary.ts'
import { NONE } from '../../ops/build.ts'
import { none, refused, rule, type GradientRule, type GradientRules, type Tape } from '../rule.ts'

type Unary =
  | 'negate'
  | 'exp'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'rsqrt'
  | 'abs'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'sigmoid'
  | 'softplus'
  | 'floor'
  | 'sign'
  | 'not'
type Binary =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'power'
  | 'minimum'
  | 'maximum'
  | 'remainder'
  | 'less'
  | 'less_equal'
  | 'equal'
  | 'and'
  | 'or'

/** The slope at x, where y is the result. */
const slope = <N extends Unary>(formula: string, of: (tape: Tape, x: Node, y: Node) => Node): GradientRule<N> =>
  rule(formula, (tape, node: Node, dy) => [tape.multiply(dy, of(tape, node.inputs[0], node))])

const steps = none('it is constant between its steps')
const truth = none('truth values have no slope')

const unaries: GradientRules<Unary> = {
  negate: rule('dx = -dy', (tape, _, dy) => [tape.negate(dy)]),
  exp: slope('dx = dy * y', (_, __, y) => y),
  log: rule('dx = dy / x', (tape, { inputs: [x] }, dy) => [tape.divide(dy, x)]),
  log1p: rule('dx = dy / (1 + x)', (tape, { inputs: [x] }, dy) => [tape.divide(dy, tape.add(x, tape.like(x, 1)))]),
  sqrt: rule('dx = dy / 2y', (tape, node, dy) => [tape.divide(dy, tape.times(node as Node, 2))]),
  rsqrt: slope('dx = -dy * y^3 / 2', (tape, _, y) => tape.times(tape.multiply(tape.multiply(y, y), y), -0.5)),
  abs: slope('dx = dy * sign(x)', (tape, x) => tape.make('sign', [x], NONE)),
  sin: slope('dx = dy * cos x', (tape, x) => tape.make('cos', [x], NONE)),
  cos: slope('dx = -dy * sin x', (tape, x) => tape.negate(tape.make('sin', [x], NONE))),
  tanh: slope('dx = dy * (1 - y^2)', (tape, _, y) => tape.subtract(tape.like(y, 1), tape.multiply(y, y))),
  erf: slope('dx = dy * 2/sqrt(pi) * exp(-x^2)', (tape, x) =>
    tape.times(tape.make('exp', [tape.negate(tape.multiply(x, x))], NONE), 2 / Math.sqrt(Math.PI)),
  ),
  sigmoid: slope('dx = dy * y * (1 - y)', (tape, _, y) => tape.multiply(y, tape.subtract(tape.like(y, 1), y))),
  softplus: slope('dx = dy * sigmoid(x)', (tape, x) => tape.make('sigmoid', [x], NONE)),
  floor: steps,
  sign: steps,
  not: truth,
}

/** The operand that is `word` takes all; where they are equal, the right one does: relu(0) has the slope 0. */
const extreme = (word: 'less' | 'more'): GradientRule<'minimum'> & GradientRule<'maximum'> =>
  rule(`da = dy where a is ${word}, db = dy elsewhere`, (tape, { inputs: [a, b] }: Node, dy) => {
    const isLeft = word === 'less' ? tape.make('less', [a, b], NONE) : tape.make('less', [b, a], NONE)
    return [tape.where(isLeft, dy), tape.make('select', [isLeft, tape.like(dy, 0), dy], NONE)]
  })

const binaries: GradientRules<Binary> = {
  add: rule('da = dy, db = dy', (_, __, dy) => [dy, dy]),
  subtract: rule('da = dy, db = -dy', (tape, _, dy) => [dy, tape.negate(dy)]),
  multiply: rule('da = dy * b, db = dy * a', (tape, { inputs: [a, b] }, dy) => [tape.multiply(dy, b), tape.multiply(dy, a)]),
  divide: rule('da = dy / b, db = -da * y', (tape, node, dy) => {
    const da = tape.divide(dy, node.inputs[1])
    return [da, tape.negate(tape.multiply(da, node as Node))]
  }),
  // where a is 0 its logarithm is not finite, and y does not depend on b
  power: rule('da = dy * b * a^(b - 1), db = dy * y * ln a, and 0 where a is 0', (tape, node, dy) => {
    const [a, b] = node.inputs
    const below = tape.make('power', [a, tape.subtract(b, tape.like(b, 1))], NONE)
    const atZero = tape.make('equal', [a, tape.like(a, 0)], NONE)
    const log = tape.make('log', [tape.make('select', [atZero, tape.like(a, 1), a], NONE)], NONE)
    return [tape.multiply(dy, tape.multiply(b, below)), tape.multiply(dy, tape.multiply(node as Node, log))]
  }),
  minimum: extreme('less'),
  maximum: extreme('more'),
  remainder: rule('da = dy, db = -dy * floor(a / b)', (tape, node, dy) => {
    const whole = tape.divide(tape.subtract(node.inputs[0], node as Node), node.inputs[1])
    return [dy, tape.negate(tape.multiply(dy, whole))]
  }),
  less: truth,
  less_equal: truth,
  equal: truth,
  and: truth,
  or: truth,
}

const others: GradientRules<'compute_at_load' | 'stop_gradient' | 'cast_f16' | 'cast' | 'select'> = {
  compute_at_load: rule('dx = dy', (_, __, dy) => [dy]),
  stop_gradient: none('it is there to stop it'),
  cast_f16: refused('what is rounded is chosen after differentiation'),
  cast: rule('dx = dy from f32 to f32, else nothing', (_, node, dy) => [
    node.inputs[0].dtype === 'f32' && node.dtype === 'f32' ? dy : null,
  ]),
  select: rule('dthen = dy where the condition holds, dotherwise = dy elsewhere', (tape, { inputs: [condition] }, dy) => [
    null,
    tape.where(condition, dy),
    tape.make('select', [condition, tape.like(dy, 0), dy], NONE),
  ]),
}

export const elementwise: GradientRules<OpName & (Unary | Binary | keyof typeof others)> = { ...unaries, ...binaries, ...others }
