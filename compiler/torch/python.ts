/** Python text: expressions with their precedence, identifiers, and numbers. */

/** An expression; `level` is the precedence of its outermost operator, larger binds tighter. */
export interface Py {
  readonly text: string
  readonly level: number
}

/** Precedences of the Python reference, "Operator precedence". */
export const LEVEL = {
  conditional: 0,
  or: 1,
  and: 2,
  not: 3,
  compare: 4,
  bitOr: 5,
  bitAnd: 7,
  add: 9,
  multiply: 10,
  unary: 11,
  primary: 13,
} as const

export const py = (text: string, level: number = LEVEL.primary): Py => ({ text, level })

/** The text of an expression in a place that takes this precedence or a higher one. */
export const at = ({ text, level }: Py, least: number): string => (level < least ? `(${text})` : text)

/** A left-associative operator. */
export const infix = (left: Py, operator: string, right: Py, level: number): Py =>
  py(`${at(left, level)} ${operator} ${at(right, level + 1)}`, level)

/** `~x`, `-x` */
export const prefix = (operator: string, operand: Py): Py => py(`${operator}${at(operand, LEVEL.unary)}`, LEVEL.unary)

/** `f(a, b)` */
export const callOf = (name: string, args: readonly (Py | string)[]): Py =>
  py(`${name}(${args.map((one) => (typeof one === 'string' ? one : one.text)).join(', ')})`)

/** `x.f(a, b)` */
export const method = (x: Py, name: string, args: readonly (Py | string)[] = []): Py =>
  callOf(`${at(x, LEVEL.primary)}.${name}`, args)

/** `(a, b)`, `(a,)` */
export const tuple = (items: readonly string[]): string => (items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`)

export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'math.nan'
  if (!Number.isFinite(value)) return value > 0 ? 'math.inf' : '-math.inf'
  return Object.is(value, -0) ? '-0.0' : String(value)
}

/** A number of the language as Python writes it: a real has a fraction or an exponent. */
export function literalOf(value: number | boolean, isReal: boolean): Py {
  if (typeof value === 'boolean') return py(value ? 'True' : 'False')
  const text = numberText(value)
  const written = isReal && Number.isInteger(value) && !text.includes('e') ? (text.includes('.') ? text : `${text}.0`) : text
  return py(written, written.startsWith('-') ? LEVEL.unary : LEVEL.primary)
}

/** Keywords and soft keywords of Python 3.13, and the constants that are keywords. */
export const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import ' +
    'in is lambda nonlocal not or pass raise return try while with yield match case type _'
  ).split(' '),
)

/** Names that a module of this target uses itself, beside those of its library. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    'torch nn F math self step super range len print int float bool list dict tuple zip max min sum abs isinstance str ' +
    'dataclass field groups experts device path Model'
  ).split(' '),
)

/** Attributes of every torch module: a weight or a block of such a name would hide one, or be refused. */
export const MODULE_ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    'T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval ' +
    'extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia ' +
    'named_buffers named_children named_modules named_parameters parameters path register_backward_hook register_buffer ' +
    'register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook ' +
    'register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter ' +
    'register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory ' +
    'state_dict to to_empty train training type xpu zero_grad unshard reshard'
  ).split(' '),
)

const isTaken = (name: string): boolean => KEYWORDS.has(name) || MODULE_ATTRIBUTES.has(name) || name.startsWith('_')

/**
 * A name with an underscore behind it where Python, torch or this target has another use for it; one that has underscores
 * already gets another, so that two names stay two.
 */
export const attribute = (name: string): string => (isTaken(name.replace(/_+$/, '')) || isTaken(name) ? `${name}_` : name)

/** The path of a parameter of the module that holds the weight of a path: `layers.0.half` is `layers.0.half_`. */
export const parameterPath = (path: string): string => path.split('.').map(attribute).join('.')

/** `rms_norm` -> `RmsNorm` */
export const className = (name: string): string =>
  name
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')

/** Lines one level deeper; empty lines stay empty. */
export const indented = (lines: readonly string[], levels = 1): readonly string[] =>
  lines.map((line) => (line === '' ? line : '    '.repeat(levels) + line))

const WIDTH = 110

/** A docstring, its lines broken. */
export function docstring(text: string): readonly string[] {
  if (text === '') return []
  const lines: string[] = []
  let line = ''
  for (const word of text.replaceAll('\\', '\\\\').replaceAll('"""', "'''").split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  if (lines.length === 1) return [`"""${lines[0]}"""`]
  return [`"""${lines[0]}`, ...lines.slice(1), '"""']
}
