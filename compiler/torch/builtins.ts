/** What each builtin of the language is in torch. Complete by type: a builtin without an expression does not compile. */
import { add as plus, constantValue, floorDivide, product, ZERO, type Dim } from '../../plan/dim.ts'
import { own } from '../../plan/table.ts'
import { sizeIn } from '../lower/environment.ts'
import { readEquation } from '../model/builtin/einsum.ts'
import type { Options } from '../model/builtin/options.ts'
import { readAxes, splitArrow } from '../model/builtin/pattern.ts'
import type { BuiltinName } from '../model/builtin/table.ts'
import type { ApplyTerm, Term } from '../model/model.ts'
import type { LibraryName } from './library/library.ts'
import { at, callOf, infix, LEVEL, literalOf, method, prefix, py, tuple, type Py } from './python.ts'
import { sizesText, sizeText, thing, type Unit } from './unit.ts'

/** One use of a builtin: its operands as expressions, and as terms, for their shapes. */
export interface Use {
  readonly unit: Unit
  readonly term: ApplyTerm
  readonly options: Options
  readonly operands: readonly Py[]
  readonly terms: readonly Term[]
}

type Write = (use: Use) => Py

/** A number of Python rather than a tensor. */
const isNumber = ({ kind }: Term): boolean => kind === 'scalar'

/** A function of the module's library. */
export function library({ module }: Unit, name: LibraryName, args: readonly (Py | string)[]): Py {
  module.use(name)
  return callOf(name, args)
}

const DTYPES = { f32: 'torch.float32', i32: 'torch.int32', bool: 'torch.bool' } as const

/** A tensor, made of a number where the operand is one. */
function tensorOf({ unit, operands, terms }: Use, index: number): Py {
  const term = terms[index]
  if (!isNumber(term)) return operands[index]
  return callOf('torch.tensor', [operands[index], `dtype=${DTYPES[term.dtype]}`, `device=${thing(unit, 'device')}`])
}

const torchOf =
  (name: string): Write =>
  (use) =>
    callOf(`torch.${name}`, [tensorOf(use, 0)])

const sign =
  (operator: string, level: number): Write =>
  ({ operands: [left, right] }) =>
    infix(left, operator, right, level)

/** Comparisons do not chain. */
const comparison =
  (operator: string): Write =>
  ({ operands: [left, right] }) =>
    py(`${at(left, LEVEL.compare + 1)} ${operator} ${at(right, LEVEL.compare + 1)}`, LEVEL.compare)

const ofLibrary =
  (name: LibraryName): Write =>
  (use) =>
    library(use.unit, name, use.terms.every(isNumber) ? [tensorOf(use, 0), ...use.operands.slice(1)] : use.operands)

/** The axis counted from the last where it was written so. */
const reduction =
  (name: string, extra: (use: Use) => readonly string[] = () => []): Write =>
  (use) => {
    const { axis, keep } = use.options
    if (use.terms[0].shape.length === 0) return use.operands[0]
    return method(use.operands[0], name, [String(axis), ...(keep ? ['keepdim=True'] : []), ...extra(use)])
  }

const shapeText = (use: Use, sizes: readonly Dim[]): readonly string[] => sizesText(use.unit, sizes)

const reshaped = (use: Use, x: Py, sizes: readonly Dim[]): Py =>
  sizes.length === 0 ? method(x, 'reshape', ['()']) : method(x, 'reshape', shapeText(use, sizes))

function broadcast(use: Use): Py {
  const { unit, operands, options, terms } = use
  const sizes = shapeText(use, options.dims)
  if (isNumber(terms[0]))
    return callOf('torch.full', [tuple(sizes), operands[0], `dtype=${DTYPES[terms[0].dtype]}`, `device=${thing(unit, 'device')}`])
  return method(operands[0], 'expand', sizes)
}

function sliced(use: Use): Py {
  const { unit, operands, options, terms } = use
  const { shape } = terms[0]
  const cuts = options.slices.map(({ start, size, step, drop }, axis) => {
    const [from, count] = [sizeIn(unit.values, start), sizeIn(unit.values, size)]
    if (drop) return sizeText(unit, from).text
    const isWhole = from === ZERO && step === 1 && count === sizeIn(unit.values, shape[axis])
    if (isWhole) return ':'
    const first = from === ZERO ? '' : sizeText(unit, from).text
    const stop = sizeText(unit, stopOf(from, count, step)).text
    return step === 1 ? `${first}:${stop}` : `${first}:${stop}:${step}`
  })
  const last = cuts.findLastIndex((cut) => cut !== ':')
  return last < 0 ? operands[0] : py(`${at(operands[0], LEVEL.primary)}[${cuts.slice(0, last + 1).join(', ')}]`)
}

const stopOf = (from: Dim, count: Dim, step: number): Dim => plus(from, product([count, step]))

/** `bsgrc,btgc->bgrst`: each name as one letter, its own where it is one. */
function letters(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(names.filter((name) => name.length === 1))
  const free = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((letter) => !taken.has(letter))
  return new Map(names.map((name) => [name, name.length === 1 ? name : free.shift()!]))
}

function einsum({ options: { pattern }, operands }: Use): Py {
  const equation = readEquation(pattern)
  if ('message' in equation) throw new Error(equation.message)
  const sides = [...equation.operands, equation.result].map((axes) => axes.map(({ name }) => name))
  const letter = letters([...new Set(sides.flat())])
  const written = sides.map((names) => names.map((name) => letter.get(name)!).join(''))
  return callOf('torch.einsum', [`"${written.slice(0, -1).join(',')}->${written.at(-1)!}"`, ...operands])
}

function rearranged(use: Use): Py {
  const { options, terms, operands, unit } = use
  const sides = splitArrow(options.pattern)
  if ('message' in sides) throw new Error(sides.message)
  const { shape } = terms[0]
  const any = sides.left.includes('...') ? shape.length - readAxes(sides.left, 0, { any: 0, single: false }).groups.length : null
  const left = readAxes(sides.left, 0, { any, single: false }).groups
  const right = readAxes(sides.right, 0, { any, single: true }).groups
  const given = (name: string): Dim | undefined => own(options.sizes, name)
  const sizes = new Map(
    left.flatMap((group, axis) => {
      const known = product(group.flatMap(({ name }) => given(name) ?? []).map((size) => sizeIn(unit.values, size)))
      const rest = group.length === 1 ? shape[axis] : floorDivide(sizeIn(unit.values, shape[axis]), known)
      return group.map(({ name }) => [name, given(name) ?? rest] as const)
    }),
  )
  const names = left.flat().map(({ name }) => name)
  const split = left.every((group) => group.length === 1)
    ? operands[0]
    : reshaped(
        use,
        operands[0],
        names.map((name) => sizes.get(name)!),
      )
  const order = right.flat().map(({ name }) => names.indexOf(name))
  const moved = order.every((axis, i) => axis === i) ? split : method(split, 'permute', order.map(String))
  if (right.every((group) => group.length === 1)) return moved
  return joined(
    use,
    moved,
    right.map((group) => group.map(({ name }) => sizes.get(name)!)),
  )
}

/** Joins the axes of each group; one size alone may be left to torch. */
function joined(use: Use, x: Py, groups: readonly (readonly Dim[])[]): Py {
  const sizes = groups.map((group) => sizeIn(use.unit.values, product(group.map((size) => sizeIn(use.unit.values, size)))))
  const open = sizes.filter((size) => constantValue(size) === undefined)
  const isOpen = (size: Dim): boolean => open.length === 1 && size === open[0] && !sizes.includes(ZERO)
  if (sizes.length === 0) return method(x, 'reshape', ['()'])
  return method(
    x,
    'reshape',
    sizes.map((size) => (isOpen(size) ? '-1' : sizeText(use.unit, size).text)),
  )
}

function swapped({ operands, terms }: Use): Py {
  return py(`${at(operands[0], LEVEL.primary)}.${terms[0].shape.length === 2 ? 'T' : 'mT'}`)
}

function product2({ operands: [x, w], terms, options }: Use): Py {
  const right = options.transposed ? py(`${at(w, LEVEL.primary)}.${terms[1].shape.length === 2 ? 'T' : 'mT'}`) : w
  // `*` and `@` have one precedence
  return infix(x.level === LEVEL.multiply && !x.text.includes('@') ? py(`(${x.text})`) : x, '@', right, LEVEL.multiply)
}

const path = (unit: Unit): string => thing(unit, 'path')

const drawn =
  (name: 'uniform' | 'normal'): Write =>
  (use) =>
    callOf(`${thing(use.unit, 'step')}.${name}`, [
      path(use.unit),
      tuple(shapeText(use, use.options.dims)),
      thing(use.unit, 'device'),
    ])

const noise =
  (name: 'dropout' | 'noisy'): Write =>
  ({ unit, operands }) =>
    callOf(`${thing(unit, 'step')}.${name}`, [path(unit), ...operands])

const count = ({ unit, options }: Use): string => sizeText(unit, options.count).text

const transport =
  (name: 'sinkhorn' | 'sinkhorn_status'): Write =>
  (use) =>
    library(use.unit, name, [...use.operands, String(use.options.iterations), String(use.options.tolerance)])

const casts: Readonly<Record<ApplyTerm['dtype'], string>> = { f32: 'float', i32: 'int', bool: 'bool' }

export const TORCH = {
  negate: ({ operands: [x] }) => prefix('-', x),
  exp: torchOf('exp'),
  log: torchOf('log'),
  log1p: torchOf('log1p'),
  sqrt: torchOf('sqrt'),
  rsqrt: torchOf('rsqrt'),
  abs: torchOf('abs'),
  sin: torchOf('sin'),
  cos: torchOf('cos'),
  tanh: torchOf('tanh'),
  atan: torchOf('atan'),
  erf: torchOf('erf'),
  sigmoid: torchOf('sigmoid'),
  softplus: (use) => callOf('F.softplus', [tensorOf(use, 0)]),
  floor: torchOf('floor'),
  sign: torchOf('sign'),
  not: (use) => (isNumber(use.terms[0]) ? py(`not ${at(use.operands[0], LEVEL.not)}`, LEVEL.not) : prefix('~', use.operands[0])),
  add: sign('+', LEVEL.add),
  subtract: sign('-', LEVEL.add),
  multiply: sign('*', LEVEL.multiply),
  divide: (use) => sign(use.term.dtype === 'i32' ? '//' : '/', LEVEL.multiply)(use),
  pow: (use) => callOf('torch.pow', use.terms.every(isNumber) ? [tensorOf(use, 0), use.operands[1]] : use.operands),
  minimum: ofLibrary('minimum'),
  maximum: ofLibrary('maximum'),
  remainder: sign('%', LEVEL.multiply),
  less: comparison('<'),
  less_equal: comparison('<='),
  greater: comparison('>'),
  greater_equal: comparison('>='),
  equal: comparison('=='),
  not_equal: comparison('!='),
  and: sign('&', LEVEL.bitAnd),
  or: sign('|', LEVEL.bitOr),
  stop: ({ operands: [x], terms }) => (isNumber(terms[0]) ? x : method(x, 'detach')),
  where: (use) => {
    const isAllNumbers = use.terms.slice(1).every(isNumber)
    const dtype = use.term.dtype
    const sides = isAllNumbers ? [tensorOf(use, 1), use.operands[2]] : use.operands.slice(1)
    // two numbers make a tensor of torch's default dtype
    if (isAllNumbers && dtype === 'f32') return callOf('torch.where', [tensorOf(use, 0), ...use.operands.slice(1)])
    return callOf('torch.where', [tensorOf(use, 0), ...sides])
  },
  cast: (use) =>
    isNumber(use.terms[0])
      ? callOf('torch.tensor', [use.operands[0], `dtype=${DTYPES[use.term.dtype]}`, `device=${thing(use.unit, 'device')}`])
      : method(use.operands[0], casts[use.term.dtype]),
  sum: reduction('sum', ({ term }) => (term.dtype === 'i32' ? ['dtype=torch.int32'] : [])),
  max: reduction('amax'),
  min: reduction('amin'),
  mean: reduction('mean'),
  cumsum: (use) => method(use.operands[0], 'cumsum', [String(use.options.axis)]),
  reshape: (use) =>
    isNumber(use.terms[0]) ? reshaped(use, tensorOf(use, 0), use.options.dims) : reshaped(use, use.operands[0], use.options.dims),
  broadcast,
  transpose: ({ operands: [x], options }) => method(x, 'permute', options.order.map(String)),
  swap: swapped,
  concat: ({ operands, options }) =>
    callOf('torch.cat', [`[${operands.map(({ text }) => text).join(', ')}]`, String(options.axis)]),
  slice: sliced,
  iota: (use) => callOf('torch.arange', [count(use), 'dtype=torch.int32', `device=${thing(use.unit, 'device')}`]),
  take: ({ operands: [table, ids] }) => py(`${at(table, LEVEL.primary)}[${at(ids, LEVEL.primary)}.long()]`),
  pick: ofLibrary('pick'),
  take_rows: ofLibrary('take_rows'),
  top_k: (use) => library(use.unit, 'top_k', [use.operands[0], count(use)]),
  one_hot: (use) => library(use.unit, 'one_hot', [use.operands[0], count(use)]),
  cached: ({ operands: [x] }) => x,
  positions: (use) => library(use.unit, 'positions', [use.operands[0]]),
  with_previous: (use) =>
    constantValue(sizeIn(use.unit.values, use.options.count)) === 0
      ? use.operands[0]
      : library(use.unit, 'with_previous', [use.operands[0], count(use)]),
  matmul: product2,
  einsum,
  rearrange: rearranged,
  svd_values: ofLibrary('svd_values'),
  svd_left: ofLibrary('svd_left'),
  svd_right: ofLibrary('svd_right'),
  sinkhorn: transport('sinkhorn'),
  sinkhorn_status: transport('sinkhorn_status'),
  uniform: drawn('uniform'),
  normal: drawn('normal'),
  dropout: noise('dropout'),
  noisy: noise('noisy'),
} as const satisfies Readonly<Record<BuiltinName, Write>>

/** The expression of a builtin. */
export const writeBuiltin = (use: Use): Py => TORCH[use.term.builtin](use)

/** A number of the language. */
export const numberOf = (value: number | boolean, dtype: ApplyTerm['dtype']): Py =>
  dtype === 'bool' ? literalOf(Boolean(value), false) : literalOf(Number(value), dtype === 'f32')
