/** Elementwise ops: the chain rule per element; the records of the ops state the partial derivatives. */
import type { Node } from '../../graph/node.ts'
import { NONE } from '../../ops/build.ts'
import { gradientOf } from '../../ops/elementwise.ts'
import type { Expression } from '../../scalar/expression.ts'
import { BINARY_OPCODES, UNARY_OPCODES, type BinaryOpcode, type UnaryOpcode } from '../../scalar/operations.ts'
import type { Maker } from '../../ops/maker.ts'
import { none, refused, rule, type GradientRules } from '../rule.ts'

type Opcode = UnaryOpcode | BinaryOpcode

const NAMES = [[], ['x'], ['a', 'b']]

/** Nodes that compute, for every element, an expression of the named nodes, which have the shape of `dy`. */
function build(make: Maker, named: Readonly<Record<string, Node>>, e: Expression): Node {
  const of = (operand: Expression): Node => build(make, named, operand)
  switch (e.kind) {
    case 'literal':
      return make.like(named.dy, e.value)
    case 'variable':
      return named[e.name]
    case 'unary':
      return make(e.opcode, [of(e.operand)], NONE)
    case 'binary':
      return make(e.opcode, [of(e.left), of(e.right)], NONE)
    case 'select':
      return make('select', [of(e.condition), of(e.then), of(e.otherwise)], NONE)
    default:
      throw new Error(`a gradient of an elementwise op has no ${e.kind}`)
  }
}

const named = ({ inputs }: Node): Readonly<Record<string, Node>> =>
  Object.fromEntries(NAMES[inputs.length].map((name, at) => [name, inputs[at]]))

function ruleOf(op: Opcode) {
  const gradient = gradientOf(op)
  if (gradient.kind === 'none') return none(gradient.reason)
  if (gradient.kind === 'refused') return refused(gradient.reason)
  return rule(gradient.of.map(text).join(', '), (make, node: Node, dy) =>
    gradient.of.map((expression) => build(make, { ...named(node), y: node, dy }, expression)),
  )
}

const SIGNS: Readonly<Record<string, string>> = { add: '+', subtract: '-', multiply: '*', divide: '/', less: '<', equal: '==' }

/** `dy * (1 - y * y)` */
function text(e: Expression): string {
  switch (e.kind) {
    case 'literal':
      return String(e.value)
    case 'variable':
      return e.name
    case 'unary':
      return `${e.opcode}(${text(e.operand)})`
    case 'binary': {
      const sign = SIGNS[e.opcode]
      const sides = [e.left, e.right].map((side) =>
        sign !== undefined && side.kind === 'binary' ? `(${text(side)})` : text(side),
      )
      return sign === undefined ? `${e.opcode}(${sides.join(', ')})` : sides.join(` ${sign} `)
    }
    case 'select':
      return `(${text(e.condition)} ? ${text(e.then)} : ${text(e.otherwise)})`
    default:
      throw new Error(`a gradient of an elementwise op has no ${e.kind}`)
  }
}

const opcodes = Object.fromEntries(
  [...UNARY_OPCODES, ...BINARY_OPCODES].map((op) => [op, ruleOf(op)]),
) as unknown as GradientRules<Opcode>

const others: GradientRules<'compute_at_load' | 'stop_gradient' | 'cast' | 'select'> = {
  compute_at_load: rule('dx = dy', (_, __, dy) => [dy]),
  stop_gradient: none('it stops the gradient'),
  cast: rule('dx = dy from f32 to f32, else nothing', (_, node, dy) => [
    node.inputs[0].dtype === 'f32' && node.dtype === 'f32' ? dy : null,
  ]),
  select: rule('dthen = dy where the condition holds, dotherwise = dy elsewhere', (make, { inputs: [condition] }, dy) => [
    null,
    make.where(condition, dy),
    make('select', [condition, make.like(dy, 0), dy], NONE),
  ]),
}

export const elementwise: GradientRules<Opcode | keyof typeof others> = { ...opcodes, ...others }
