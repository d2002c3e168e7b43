/** Terms as formulas: what has a name stands under it. */
import { BUILTINS, type BuiltinName } from '../../compiler/model/builtin/table.ts'
import type { BuiltinParameter } from '../../compiler/model/builtin/builtin.ts'
import { DEFAULTS, type AxisSlice, type Options } from '../../compiler/model/builtin/options.ts'
import { isTerm, type ApplyTerm, type CallTerm, type Term } from '../../compiler/model/model.ts'
import { staticText } from '../../compiler/model/static/static.ts'
import { constantValue, type Dim } from '../../plan/dim.ts'

export interface Names {
  readonly get: (term: Term) => string | undefined
  /** The active `when training` blocks; absent if both branches are explained. */
  readonly active?: ReadonlySet<number>
}

/** The value of a term in the explained form. */
export const resolved = (term: Term, names: Names): Term =>
  term.kind !== 'branch' || names.active === undefined
    ? term
    : resolved(names.active.has(term.block) ? term.training : term.otherwise, names)

/** A formula and how tightly it holds together: 0 an operation, 1 a sign, 2 a whole. */
interface Piece {
  readonly text: string
  readonly strength: 0 | 1 | 2
}

const whole = (text: string): Piece => ({ text, strength: 2 })
const dims = (sizes: readonly Dim[]): string => `[${sizes.map(({ key }) => key).join(', ')}]`

/** `f32[T, E]` */
export const typeOf = ({ dtype, shape }: Pick<Term, 'dtype' | 'shape'>): string => `${dtype}${dims(shape)}`

function sliceText({ start, size, step, drop }: AxisSlice): string {
  if (drop) return start.key
  const [from, count] = [constantValue(start), constantValue(size)]
  const end = from !== undefined && count !== undefined ? String(from + (count - 1) * step + 1) : `${start.key} + ${size.key}`
  return `${start.key === '0' ? '' : start.key}:${end}${step === 1 ? '' : `:${step}`}`
}

/** The arguments that a parameter of a builtin stands for, as they are written. */
function argumentsOf({ name, kind }: BuiltinParameter, operands: string[], given: Options): readonly string[] {
  switch (kind) {
    case 'tensor':
    case 'lone':
    case 'rate':
      return operands.splice(0, 1)
    case 'tensors':
      return [`[${operands.splice(0).join(', ')}]`]
    case 'rest':
      return operands.splice(0)
    case 'axis':
      return given.axis === -1 ? [] : [`${name} = ${given.axis}`]
    case 'keep':
      return given.keep ? [`${name} = true`] : []
    case 'dtype':
      return [`"${given.dtype}"`]
    case 'dims':
      return [dims(given.dims)]
    case 'order':
      return [`[${given.order.join(', ')}]`]
    case 'pattern':
      return [`"${given.pattern}"`]
    case 'count':
    case 'rows':
      return [given.count.key]
    case 'sizes':
      return Object.entries(given.sizes).map(([size, value]) => `${size} = ${value.key}`)
    case 'iterations':
    case 'tolerance':
      return given[kind] === DEFAULTS[kind] ? [] : [`${name} = ${given[kind]}`]
    default:
      return kind satisfies never
  }
}

function functionText(name: BuiltinName, operands: readonly string[], given: Options): string {
  const left = [...operands]
  return `${name}(${BUILTINS[name].parameters.flatMap((parameter) => argumentsOf(parameter, left, given)).join(', ')})`
}

function applyPiece({ builtin, operands, options }: ApplyTerm, names: Names): Piece {
  const { operator } = BUILTINS[builtin]
  const pieces = operands.map((operand) => piece(operand, names))
  const tight = pieces.map(({ text, strength }) => (strength === 2 ? text : `(${text})`))
  if (operator === null)
    return whole(
      functionText(
        builtin,
        pieces.map(({ text }) => text),
        options,
      ),
    )
  if (operator === '[]') return whole(`${tight[0]}[${options.slices.map(sliceText).join(', ')}]`)
  if (operator === '.T') return whole(`${tight[0]}.T`)
  if (operands.length === 1) return { text: `${operator}${tight[0]}`, strength: 1 }
  return { text: `${tight[0]} ${operator} ${tight[1]}${options.transposed ? '.T' : ''}`, strength: 0 }
}

function callText({ name, arguments: given }: CallTerm, names: Names): string {
  const texts = given.map(({ name: parameter, value }) =>
    isTerm(value) ? formula(value, names) : `${parameter} = ${staticText(value)}`,
  )
  return `${name}(${texts.join(', ')})`
}

function bare(term: Term, names: Names): Piece {
  switch (term.kind) {
    case 'input':
    case 'given':
    case 'carried':
    case 'after':
      return whole(term.name)
    case 'weight':
      return whole(term.path.split('.').at(-1) ?? term.path)
    case 'scalar': {
      const text = staticText(term.value)
      return { text, strength: term.value.kind === 'operation' || /[ *]/.test(text) ? 0 : 2 }
    }
    case 'numbers':
      return whole(`[${term.values.map(staticText).join(', ')}]`)
    case 'apply':
      return applyPiece(term, names)
    case 'call':
      return whole(callText(term, names))
    case 'conditional':
      return {
        text: `if ${staticText(term.condition)} then ${formula(term.then, names)} else ${formula(term.otherwise, names)}`,
        strength: 0,
      }
    case 'moe':
      return whole(`${term.path.at(-1) ?? 'moe'}(${formula(term.input, names)})`)
    case 'bank':
      return whole(`experts.${term.weight.path.split('.').at(-1) ?? ''}`)
    case 'branch':
      return { text: `${formula(term.otherwise, names)}, or in training ${formula(term.training, names)}`, strength: 0 }
    case 'every-expert':
      return whole(`experts(${formula(term.input, names)})`)
    case 'eligible':
      return piece(term.scores, names)
    default:
      return term satisfies never
  }
}

function piece(given: Term, names: Names): Piece {
  const term = resolved(given, names)
  const name = names.get(term)
  return name === undefined ? bare(term, names) : whole(name)
}

/** A term over the names that are known. */
export const formula = (term: Term, names: Names): string => piece(term, names).text

/** What a name is defined as: the term itself, and names only inside of it. */
export const definition = (term: Term, names: Names): string => bare(resolved(term, names), names).text
