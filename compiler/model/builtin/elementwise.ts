/** Functions and operators of one element at a time: one for each elementwise op, and those composed of them. */
import type { OpName } from '../../graph/vocabulary.ts'
import { recordOf } from '../../ops/records.ts'
import type { TensorType } from '../../ops/record.ts'
import { BINARY_OPCODES, UNARY_OPCODES, type BinaryOpcode, type UnaryOpcode } from '../../scalar/operations.ts'
import { together } from './broadcast.ts'
import { lone, tensor, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'

const NONE: Readonly<Record<string, never>> = {}

/** Ops that only passes introduce. */
const INTERNAL = ['cast_f16'] as const
/** Functions whose name is not that of the op. */
const RENAMED = { power: 'pow' } as const

/** How an op is written that is not called as a function. */
const OPERATORS: { readonly [O in UnaryOpcode | BinaryOpcode]?: string } = {
  negate: '-',
  not: 'not',
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  remainder: '%',
  less: '<',
  less_equal: '<=',
  equal: '==',
  and: 'and',
  or: 'or',
}

type Internal = (typeof INTERNAL)[number]
type NameOf<O> = O extends keyof typeof RENAMED ? (typeof RENAMED)[O] : O
type OfOps = { readonly [O in Exclude<UnaryOpcode | BinaryOpcode, Internal> as NameOf<O>]: Builtin }

const nameOf = (op: OpName): string => (RENAMED as Readonly<Record<string, string>>)[op] ?? op

const unary = (op: UnaryOpcode | 'stop_gradient', name: string, operator: string | null = null): Builtin => ({
  doc: recordOf(op).doc,
  operator,
  elementwise: true,
  signature: operator === null ? `${name}(x)` : operator === 'not' ? 'not x' : `${operator}x`,
  parameters: [tensor('x')],
  expand: (emit, [x]) => emit.make(op, [x], NONE),
})

type Join = <T extends TensorType>(emit: Emit<T>, a: T, b: T) => T

/** Of two operands broadcast to one shape. */
const joined = (doc: string, name: string, operator: string | null, join: Join): Builtin => ({
  doc,
  signature: operator === null ? `${name}(x, y)` : `x ${operator} y`,
  operator,
  elementwise: true,
  parameters: [tensor('x'), tensor('y')],
  expand(emit, operands) {
    const [x, y] = together(emit, operands)
    return join(emit, x, y)
  },
})

const binary = (op: BinaryOpcode): Builtin =>
  joined(recordOf(op).doc, nameOf(op), OPERATORS[op] ?? null, (emit, x, y) => emit.make(op, [x, y], NONE))

const isInLanguage = (op: UnaryOpcode | BinaryOpcode): boolean => !(INTERNAL as readonly string[]).includes(op)

const ofOps = Object.fromEntries([
  ...UNARY_OPCODES.filter(isInLanguage).map((op) => [nameOf(op), unary(op, nameOf(op), OPERATORS[op] ?? null)]),
  ...BINARY_OPCODES.filter(isInLanguage).map((op) => [nameOf(op), binary(op)]),
]) as OfOps

export const ELEMENTWISE = {
  ...ofOps,
  stop: unary('stop_gradient', 'stop'),
  greater: joined('Whether the left is above the right.', 'greater', '>', (emit, x, y) => emit.make('less', [y, x], NONE)),
  greater_equal: joined('Whether the left is at least the right.', 'greater_equal', '>=', (emit, x, y) =>
    emit.make('less_equal', [y, x], NONE),
  ),
  not_equal: joined('Whether two differ.', 'not_equal', '!=', (emit, x, y) =>
    emit.make('not', [emit.make('equal', [x, y], NONE)], NONE),
  ),
  where: {
    doc: recordOf('select').doc,
    signature: 'where(condition: bool[...], x, y)',
    operator: null,
    elementwise: true,
    parameters: [lone('condition'), tensor('x'), tensor('y')],
    expand: (emit, operands) => emit.make('select', together(emit, operands), NONE),
  },
  cast: {
    doc: 'The same numbers in another dtype; f32 to i32 rounds towards zero.',
    signature: 'cast(x, dtype: "f32" | "i32" | "bool")',
    operator: null,
    elementwise: true,
    parameters: [lone('x'), { name: 'dtype', kind: 'dtype' }],
    expand: (emit, [x], { dtype }) => (x.dtype === dtype ? x : emit.make('cast', [x], { dtype })),
  },
} as const satisfies Readonly<Record<string, Builtin>>
