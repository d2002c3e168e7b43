/** `swiglu(h, F = F)`: an expert called as a dense layer, on all tokens. */
import type { Argument, CallExpression, Declaration } from '../../../grammar/ast.ts'
import { product, type Dim } from '../../../plan/dim.ts'
import { apply, asTerm } from './apply.ts'
import { DEFAULTS } from '../builtin/options.ts'
import { complain, elaborate, wordsOf, type Frame } from '../context/context.ts'
import type { Given } from './parameters.ts'
import { ofTerm, termTypeText, UNKNOWN, type Value } from '../context/value.ts'

/** The input of an expert: its rows, the axes that were flattened into them, and the other arguments. */
export interface Dense {
  readonly rows: Given
  readonly leading: readonly Dim[]
  readonly others: readonly Argument[]
}

/** The argument that holds the rows: the one in the place of the parameter, or of its name. */
function inputOf({ parameters }: Declaration, args: readonly Argument[]): Argument | undefined {
  const at = parameters.findIndex(({ type }) => type.kind === 'tensor-type')
  return args.find(({ name }, i) => (name === null ? i === at : name.text === parameters[at]?.name.text))
}

/** Null after a mistake, which is reported, and where the tensor is unknown. */
export function denseOf(frame: Frame, declaration: Declaration, { arguments: args, callee, span }: CallExpression): Dense | null {
  const input = inputOf(declaration, args)
  const others = args.filter((one) => one !== input)
  const lost = (): null => (others.forEach(({ value }) => elaborate(frame, value)), null)
  if (input === undefined) {
    complain(frame, {
      code: 'SMOE3004',
      message: `${callee.text} needs its input as the first argument`,
      span,
      related: [{ span: declaration.name.span, message: `${callee.text} is declared here` }],
      help: `${callee.text}(h, ...) applies one network to all tokens of h; after \`experts N of\` in moe, h is omitted`,
    })
    return lost()
  }
  const at = input.value.span
  const value = elaborate(frame, input.value)
  const term = asTerm(frame, { value, span: at })
  if (term === null) return lost()
  if (term.dtype !== 'f32' || term.shape.length < 2) {
    complain(frame, {
      code: 'SMOE3001',
      message: `an expert takes f32[..., D], tokens on the axes before D, but \`${wordsOf(at)}\` is ${termTypeText(term)}`,
      span: at,
    })
    return lost()
  }
  const leading = term.shape.slice(0, -1)
  return {
    rows: { value: shaped(frame, ofTerm(term), [product(leading), term.shape.at(-1)!], input.value.span), span: at },
    leading,
    others,
  }
}

/** The outputs, one row per token, with the axes of the tokens restored. */
export function onAxes(frame: Frame, value: Value, leading: readonly Dim[], { span }: CallExpression): Value {
  return value.kind === 'tensor' ? shaped(frame, value, [...leading, value.term.shape.at(-1)!], span) : value
}

function shaped(frame: Frame, value: Value, shape: readonly Dim[], span: CallExpression['span']): Value {
  if (value.kind !== 'tensor') return UNKNOWN
  return value.term.shape.length === shape.length
    ? value
    : apply(frame, 'reshape', [{ value, span }], { ...DEFAULTS, dims: shape }, span)
}
