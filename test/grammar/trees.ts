/** Random syntax trees, as `parse` could have made them. */
import fc from 'fast-check'
import type {
  Argument,
  CallExpression,
  Expression,
  File,
  MoeClause,
  Name,
  SliceNode,
  Statement,
  StringLiteral,
  TypeNode,
  WeightEntry,
  WeightLine,
} from '../../grammar/ast.ts'
import { reservedNames } from '../../grammar/tokens.ts'

const source = { path: 'random.smoe', text: '' }
export const span = { source, start: 0, end: 0 }

const words = [
  'x',
  'gate',
  'D',
  'top',
  'select',
  'shared',
  'experts',
  'weights',
  'loss',
  'input',
  'output',
  'by',
  'at',
  'of',
  'in',
  'a',
  'once',
  'when',
  'weigh',
  'assert',
  'model',
  'block',
  'route',
  'require',
  'T',
  'e1',
  '_',
  'a_rather_long_name_of_a_value',
  'from',
  'keep',
  'after',
  'layers',
  'train',
  'metric',
  'optimiser',
  'schedule',
  'clip',
  'accumulate',
  'steps',
  'seed',
  'batch',
  'initialise',
  'group',
  'learns',
  'on',
]
const nameOf = (text: string): Name => ({ text, span })
const name = fc
  .oneof(fc.constantFrom(...words), fc.stringMatching(/^[a-zA-Z_]\w{0,8}$/))
  .filter((text) => !reservedNames.has(text))
  .map(nameOf)
const anyName = fc.oneof(name, fc.constantFrom(...reservedNames).map(nameOf))
const text = fc
  .oneof(fc.string({ maxLength: 12 }), fc.constantFrom('model.layers.{i}.w', '\\"\n\t\r', '\u2028 ', '//'))
  .map((value): StringLiteral => ({ kind: 'string', value, span }))
const number = fc
  .oneof(
    fc.nat().map((value) => ({ value, isInteger: true })),
    fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => ({ value: Math.abs(value), isInteger: false })),
  )
  .map((one): Expression => ({ kind: 'number', ...one, span }))

const { expression, call, setting } = fc.letrec<{
  expression: Expression
  call: CallExpression
  setting: Argument
  slice: SliceNode
  clause: MoeClause
}>((tie) => {
  const inner = tie('expression') as fc.Arbitrary<Expression>
  const maybe = fc.option(inner, { nil: null })
  const argument = (named: boolean): fc.Arbitrary<Argument> =>
    fc.record({ name: named ? anyName : fc.constant(null), value: inner, span: fc.constant(span) })
  const given = fc
    .tuple(fc.array(argument(false), { maxLength: 3 }), fc.array(argument(true), { maxLength: 3 }))
    .map((both) => both.flat())
  const label = fc.option(name, { nil: null })
  const call = fc.record({ kind: fc.constant('call' as const), callee: name, arguments: given, label, span: fc.constant(span) })
  const slice: fc.Arbitrary<SliceNode> = fc.oneof(
    inner.map((index) => ({ index, start: null, stop: null, step: null, span })),
    fc.record({ index: fc.constant(null), start: maybe, stop: maybe, step: maybe, span: fc.constant(span) }),
  )
  const constraint = fc.oneof(
    fc.constantFrom('dropless' as const, 'expert-choice' as const).map((kind) => ({ kind, span })),
    fc.record({
      kind: fc.constant('capacity' as const),
      factor: inner,
      overflow: fc.constantFrom('drop' as const, 'next' as const, 'shared' as const),
      span: fc.constant(span),
    }),
    fc.record({ kind: fc.constant('groups' as const), count: inner, keep: inner, span: fc.constant(span) }),
    inner.map((rate) => ({ kind: 'bias-balanced' as const, rate, span })),
    inner.map((percent) => ({ kind: 'balanced-within' as const, percent, span })),
    inner.map((tokens) => ({ kind: 'at-most' as const, tokens, span })),
    inner.map((experts) => ({ kind: 'each-token' as const, experts, span })),
  )
  const clause: fc.Arbitrary<MoeClause> = fc.oneof(
    fc.record({ kind: fc.constantFrom('experts' as const, 'shared' as const), count: inner, of: call, span: fc.constant(span) }),
    call.map((policy) => ({ kind: 'route' as const, policy, span })),
    constraint.map((one) => ({ kind: 'require' as const, constraint: one, span })),
  )
  return {
    call,
    slice,
    clause,
    setting: fc.record({ name, value: inner, span: fc.constant(span) }),
    expression: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      name.map((one): Expression => ({ kind: 'name', name: one, span })),
      number,
      text,
      fc.boolean().map((value): Expression => ({ kind: 'boolean', value, span })),
      fc.array(inner, { maxLength: 4 }).map((items): Expression => ({ kind: 'list', items, span })),
      fc.record({
        kind: fc.constant('unary' as const),
        operator: fc.constantFrom('-' as const, 'not' as const),
        operand: inner,
        span: fc.constant(span),
      }),
      fc.record({
        kind: fc.constant('binary' as const),
        left: inner,
        right: inner,
        span: fc.constant(span),
        operator: fc.constantFrom(...(['or', 'and', '==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '@'] as const)),
      }),
      call,
      fc.record({
        kind: fc.constant('index' as const),
        operand: inner,
        slices: fc.array(slice, { minLength: 1, maxLength: 3 }),
        span: fc.constant(span),
      }),
      inner.map((operand): Expression => ({ kind: 'transpose', operand, span })),
      name
        .filter(({ text: one }) => one !== 'T')
        .map((one): Expression => ({ kind: 'member', of: nameOf('experts'), name: one, span })),
      fc.record({
        kind: fc.constant('conditional' as const),
        condition: inner,
        then: inner,
        otherwise: inner,
        span: fc.constant(span),
      }),
      fc.record({
        kind: fc.constant('moe' as const),
        input: inner,
        label,
        clauses: fc.array(clause, { maxLength: 3 }),
        span: fc.constant(span),
      }),
    ),
  }
})
export { expression }

const doc = fc.constant<readonly string[]>([])
const tensor = fc.record({
  kind: fc.constant('tensor-type' as const),
  dtype: fc.constantFrom('f32', 'i32').map(nameOf),
  anyLeading: fc.boolean(),
  shape: fc.array(expression, { maxLength: 3 }),
  span: fc.constant(span),
})
const type: fc.Arbitrary<TypeNode> = fc.oneof(
  tensor,
  fc.constantFrom('int', 'real', 'bool', 'string').map((one) => ({ kind: 'scalar-type' as const, name: nameOf(one), span })),
  fc.array(text, { minLength: 1, maxLength: 3 }).map((options) => ({ kind: 'choice-type' as const, options, span })),
)
const maybe = fc.option(expression, { nil: null })
const parameter = fc.record({
  name,
  type,
  doc,
  default: maybe,
  span: fc.constant(span),
  range: fc.option(fc.record({ low: maybe, high: maybe, span: fc.constant(span) }), { nil: null }),
})
const slice: fc.Arbitrary<SliceNode> = fc.record({
  index: fc.constant(null),
  start: maybe,
  stop: maybe,
  step: maybe,
  span: fc.constant(span),
})
const partName = anyName.map((one) => ({ kind: 'name' as const, name: one }))
const partChoice = fc
  .tuple(name, fc.array(anyName, { minLength: 1, maxLength: 3 }))
  .map(([first, more]) => ({ kind: 'choice' as const, names: [first, ...more] }))
const path: fc.Arbitrary<WeightEntry['path']> = fc
  .tuple(
    fc.oneof(partName, partChoice),
    fc.array(
      fc.oneof(
        partName,
        name.map((one) => ({ kind: 'index' as const, name: one })),
        partChoice,
      ),
      { maxLength: 4 },
    ),
  )
  .map(([first, rest]) => [first, ...rest])
const entry: fc.Arbitrary<WeightEntry> = fc.record({
  kind: fc.constant('weight-entry' as const),
  path,
  template: text,
  slices: fc.option(fc.array(slice, { minLength: 1, maxLength: 3 }), { nil: null }),
  transpose: fc.boolean(),
  span: fc.constant(span),
})

const { weightLine } = fc.letrec<{ weightLine: WeightLine }>((tie) => ({
  weightLine: fc.oneof(
    { maxDepth: 3 },
    entry,
    fc.record({
      kind: fc.constant('weight-group' as const),
      path,
      template: text,
      entries: fc.array(tie('weightLine'), { maxLength: 3 }),
      span: fc.constant(span),
    }),
  ),
}))

const { statement } = fc.letrec<{ statement: Statement }>((tie) => {
  const body = fc.array(tie('statement') as fc.Arbitrary<Statement>, { maxLength: 3 })
  const common = { span: fc.constant(span) }
  return {
    statement: fc.oneof(
      { maxDepth: 2 },
      fc.record({
        kind: fc.constant('let' as const),
        mutable: fc.boolean(),
        name,
        type: fc.option(type, { nil: null }),
        value: expression,
        doc,
        ...common,
      }),
      fc.record({ kind: fc.constant('assign' as const), name, value: expression, ...common }),
      fc.record({
        kind: fc.constant('param' as const),
        name,
        type: tensor,
        initialiser: fc.option(call, { nil: null }),
        doc,
        ...common,
      }),
      fc.record({ kind: fc.constant('input' as const), name, type: tensor, doc, ...common }),
      fc.record({
        kind: fc.constant('output' as const),
        name,
        type: fc.option(tensor, { nil: null }),
        value: expression,
        doc,
        ...common,
      }),
      fc.record({ kind: fc.constantFrom('return' as const, 'weigh' as const, 'keep' as const), value: expression, ...common }),
      fc.record({ kind: fc.constantFrom('loss' as const, 'metric' as const), name, value: expression, doc, ...common }),
      fc.record({ kind: fc.constantFrom('optimiser' as const, 'schedule' as const), method: call, ...common }),
      fc.record({
        kind: fc.constantFrom('clip' as const, 'accumulate' as const, 'steps' as const, 'seed' as const),
        value: expression,
        ...common,
      }),
      fc.record({ kind: fc.constant('batch' as const), sizes: fc.array(setting, { minLength: 1, maxLength: 3 }), ...common }),
      fc.record({ kind: fc.constant('initialise' as const), pattern: fc.option(text, { nil: null }), method: call, ...common }),
      fc.record({
        kind: fc.constant('group' as const),
        pattern: text,
        settings: fc.array(setting, { minLength: 1, maxLength: 3 }),
        ...common,
      }),
      fc.record({
        kind: fc.constant('learns' as const),
        method: fc.option(call, { nil: null }),
        selections: fc.array(
          fc.oneof(
            text,
            name.map((one) => ({ kind: 'name' as const, name: one, span })),
          ),
          { minLength: 1, maxLength: 3 },
        ),
        ...common,
      }),
      fc.record({ kind: fc.constant('select' as const), count: expression, by: expression, ...common }),
      fc.record({
        kind: fc.constant('assert' as const),
        condition: expression,
        message: fc.option(text, { nil: null }),
        ...common,
      }),
      fc.record({ kind: fc.constant('weights' as const), entries: fc.array(weightLine, { maxLength: 4 }), ...common }),
      fc.record({
        kind: fc.constant('repeat' as const),
        label: name,
        index: name,
        from: expression,
        to: expression,
        body,
        ...common,
      }),
      fc.record({ kind: fc.constantFrom('once' as const, 'train' as const), body, ...common }),
      fc.record({
        kind: fc.constant('when-training' as const),
        rate: maybe,
        after: maybe,
        atMost: maybe,
        body,
        otherwise: fc.option(body, { nil: null }),
        ...common,
      }),
      fc.record({
        kind: fc.constant('when-training' as const),
        rate: maybe,
        after: maybe,
        atMost: fc.constant(null),
        isTogether: fc.constant(true as const),
        body,
        otherwise: fc.option(body, { nil: null }),
        ...common,
      }),
    ),
  }
})

const declaration = fc.record({
  kind: fc.constant('declaration' as const),
  declares: fc.constantFrom('fn' as const, 'block' as const, 'expert' as const, 'policy' as const, 'model' as const),
  name,
  parameters: fc.array(parameter, { maxLength: 3 }),
  result: fc.option(type, { nil: null }),
  body: fc.array(statement, { maxLength: 5 }),
  doc,
  isPartial: fc.constant(false),
  span: fc.constant(span),
})
const imported = fc.record({
  names: fc.array(fc.record({ name, alias: fc.option(name, { nil: null }), span: fc.constant(span) }), {
    minLength: 1,
    maxLength: 4,
  }),
  from: text,
  span: fc.constant(span),
})

export const file: fc.Arbitrary<File> = fc.record({
  source: fc.constant(source),
  imports: fc.array(imported, { maxLength: 2 }),
  declarations: fc.array(declaration, { minLength: 1, maxLength: 3 }),
  comments: fc.constant([]),
  lost: fc.constant([]),
  span: fc.constant(span),
}) as fc.Arbitrary<File>
