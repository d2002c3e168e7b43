/**
 * Sizes known in full or in part: integer polynomials over named symbols, with rounded quotients and minima as atoms.
 * Two dims are equal exactly when their keys are; the key is also their JSON form.
 */

export type Atom =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'floor' | 'ceil'; readonly numerator: Dim; readonly divisor: Dim }
  /** The smaller of two, in the order of their keys. */
  | { readonly kind: 'min'; readonly left: Dim; readonly right: Dim }

interface Term {
  readonly coefficient: number
  /** Sorted by key; a power is a repetition. */
  readonly factors: readonly Atom[]
}

export interface Dim {
  readonly key: string
  /** Sorted by key, none with coefficient 0; empty is zero. */
  readonly terms: readonly Term[]
}

export type DimLike = Dim | number | string
export type DimValues = Readonly<Record<string, number>>

/**
 * A size, or a number on the way to it, that is not a whole number from -(2^53 - 1) to 2^53 - 1: beyond it numbers are not exact.
 */
export class DimRangeError extends RangeError {
  override readonly name = 'DimRangeError'
}

const interned = new Map<string, Dim>()

function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw new DimRangeError(`a dimension is a whole number, not ${value}`)
  return value
}

function atomKey(atom: Atom): string {
  if (atom.kind === 'symbol') return atom.name
  const [a, b] = atom.kind === 'min' ? [atom.left, atom.right] : [atom.numerator, atom.divisor]
  return `${atom.kind}(${a.key}, ${b.key})`
}

const productKey = (factors: readonly Atom[]): string => factors.map(atomKey).join('*')

function termKey({ coefficient, factors }: Term): string {
  if (factors.length === 0) return String(coefficient)
  if (coefficient === 1) return productKey(factors)
  return `${coefficient}*${productKey(factors)}`
}

function fromTerms(terms: readonly Term[]): Dim {
  const sums = new Map<string, Term>()
  for (const term of terms) {
    const key = productKey(term.factors)
    const coefficient = whole((sums.get(key)?.coefficient ?? 0) + term.coefficient)
    if (coefficient === 0) sums.delete(key)
    else sums.set(key, { coefficient, factors: term.factors })
  }
  const sorted = [...sums.entries()]
    // the constant comes last, longer products first
    .sort(([a, x], [b, y]) => y.factors.length - x.factors.length || (a < b ? -1 : 1))
    .map(([, term]) => Object.freeze(term))
  const key = sorted.length === 0 ? '0' : sorted.map(termKey).join(' + ')
  const known = interned.get(key)
  if (known !== undefined) return known
  const dim: Dim = Object.freeze({ key, terms: Object.freeze(sorted) })
  interned.set(key, dim)
  return dim
}

const numbers = new Map<number, Dim>()

function ofNumber(value: number): Dim {
  const known = numbers.get(value)
  if (known !== undefined) return known
  const made = fromTerms(value === 0 ? [] : [{ coefficient: value, factors: [] }])
  numbers.set(value, made)
  return made
}

const fromAtom = (atom: Atom): Dim => fromTerms([{ coefficient: 1, factors: [atom] }])

export const symbol = (name: string): Dim => fromAtom({ kind: 'symbol', name })

/** Texts come again and again: a plan names the same sizes in every step. */
const byText = new Map<string, Dim>()

function parsed(text: string): Dim {
  const known = byText.get(text)
  if (known !== undefined) return known
  const value = parseDim(text)
  byText.set(text, value)
  return value
}

/** A dim from a whole number, a key, or itself. */
export function dim(value: DimLike): Dim {
  if (typeof value === 'object') return value
  return typeof value === 'string' ? parsed(value) : ofNumber(value)
}

export const ZERO: Dim = dim(0)
export const ONE: Dim = dim(1)

export function add(a: DimLike, b: DimLike): Dim {
  const [left, right] = [dim(a), dim(b)]
  if (left === ZERO) return right
  if (right === ZERO) return left
  const [x, y] = [constantValue(left), constantValue(right)]
  return x !== undefined && y !== undefined ? ofNumber(whole(x + y)) : fromTerms([...left.terms, ...right.terms])
}

export const negate = (a: DimLike): Dim => fromTerms(dim(a).terms.map((term) => ({ ...term, coefficient: -term.coefficient })))

export const subtract = (a: DimLike, b: DimLike): Dim => add(a, negate(b))

export function multiply(a: DimLike, b: DimLike): Dim {
  const [left, right] = [dim(a), dim(b)]
  if (left === ONE) return right
  if (right === ONE) return left
  const [x, y] = [constantValue(left), constantValue(right)]
  if (x !== undefined && y !== undefined) return ofNumber(whole(x * y))
  const products = left.terms.flatMap((x) =>
    right.terms.map((y) => ({
      coefficient: x.coefficient * y.coefficient,
      factors: [...x.factors, ...y.factors].sort((p, q) => (atomKey(p) < atomKey(q) ? -1 : 1)),
    })),
  )
  return fromTerms(products)
}

const products = new WeakMap<readonly DimLike[], Dim>()

/** Shapes do not change, and are asked for again and again. */
export function product(dims: readonly DimLike[]): Dim {
  const known = products.get(dims)
  if (known !== undefined) return known
  const all = dims.reduce<Dim>((before, next) => multiply(before, next), ONE)
  if (Object.isFrozen(dims)) products.set(dims, all)
  return all
}

/** The constant comes last, so a dim is a number where its first term is. */
export const isConstant = ({ terms }: Dim): boolean => terms.length === 0 || terms[0].factors.length === 0

/** The number a constant dim is; undefined for a symbolic one. */
export const constantValue = (a: Dim): number | undefined => (isConstant(a) ? (a.terms[0]?.coefficient ?? 0) : undefined)

function divideTerm(term: Term, by: Term): Term | undefined {
  if (term.coefficient % by.coefficient !== 0) return undefined
  const rest = [...term.factors]
  for (const factor of by.factors) {
    const at = rest.findIndex((candidate) => atomKey(candidate) === atomKey(factor))
    if (at < 0) return undefined
    rest.splice(at, 1)
  }
  return { coefficient: term.coefficient / by.coefficient, factors: rest }
}

/** a / b where the quotient is a polynomial again; undefined where it is not, or not provably. */
export function divideExact(a: DimLike, b: DimLike): Dim | undefined {
  const numerator = dim(a)
  const divisor = dim(b)
  if (divisor === ZERO) return undefined
  if (numerator === divisor) return ONE
  if (divisor === ONE) return numerator
  if (divisor.terms.length !== 1) {
    const scale = divideExact(fromTerms(numerator.terms.slice(0, 1)), fromTerms(divisor.terms.slice(0, 1)))
    return scale !== undefined && multiply(scale, divisor) === numerator ? scale : undefined
  }
  const quotients = numerator.terms.map((term) => divideTerm(term, divisor.terms[0]))
  return quotients.every((term) => term !== undefined) ? fromTerms(quotients) : undefined
}

function divideRounded(kind: 'floor' | 'ceil', a: DimLike, b: DimLike): Dim {
  const exact = divideExact(a, b)
  if (exact !== undefined) return exact
  const numerator = dim(a)
  const divisor = dim(b)
  const [n, d] = [constantValue(numerator), constantValue(divisor)]
  if (n !== undefined && d !== undefined && d !== 0) return dim(kind === 'floor' ? Math.floor(n / d) : Math.ceil(n / d))
  // (q * d + r) / d  ==>  q + r / d, rounded either way
  const whole = wholePart(numerator, divisor)
  if (whole !== ZERO) return add(whole, divideRounded(kind, subtract(numerator, multiply(whole, divisor)), divisor))
  return fromAtom({ kind, numerator, divisor })
}

/** The terms of the numerator that the divisor divides, divided. */
function wholePart(numerator: Dim, divisor: Dim): Dim {
  if (divisor.terms.length !== 1) return ZERO
  return fromTerms(numerator.terms.map((term) => divideTerm(term, divisor.terms[0])).filter((term) => term !== undefined))
}

export const floorDivide = (a: DimLike, b: DimLike): Dim => divideRounded('floor', a, b)
export const ceilDivide = (a: DimLike, b: DimLike): Dim => divideRounded('ceil', a, b)

/** The smaller of two sizes: one of them where their difference is a number. */
export function minimum(a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)]
  const difference = constantValue(subtract(x, y))
  if (difference !== undefined) return difference <= 0 ? x : y
  const [left, right] = x.key < y.key ? [x, y] : [y, x]
  return fromAtom({ kind: 'min', left, right })
}

/** The dim that an atom stands for, from those of its parts. */
export function fromParts(x: Atom, part: (part: Dim) => Dim): Dim {
  if (x.kind === 'symbol') return symbol(x.name)
  return x.kind === 'min' ? minimum(part(x.left), part(x.right)) : divideRounded(x.kind, part(x.numerator), part(x.divisor))
}

function rebuild(a: Dim, replace: (name: string) => Dim): Dim {
  const atom = (x: Atom): Dim => (x.kind === 'symbol' ? replace(x.name) : fromParts(x, (part) => rebuild(part, replace)))
  return a.terms.reduce<Dim>((sum, term) => add(sum, multiply(term.coefficient, product(term.factors.map(atom)))), ZERO)
}

/** Puts dims in the place of the symbols named; others stay. */
export const substitute = (a: Dim, values: Readonly<Record<string, DimLike>>): Dim =>
  isConstant(a) ? a : rebuild(a, (name) => (Object.hasOwn(values, name) ? dim(values[name]) : symbol(name)))

function evaluateBy(a: DimLike, values: DimValues, checked: (value: number) => number): number {
  const part = (x: Dim): number => evaluateBy(x, values, checked)
  const atom = (x: Atom): number => {
    if (x.kind === 'min') return Math.min(part(x.left), part(x.right))
    if (x.kind !== 'symbol') {
      const quotient = part(x.numerator) / part(x.divisor)
      return x.kind === 'floor' ? Math.floor(quotient) : Math.ceil(quotient)
    }
    if (!Object.hasOwn(values, x.name)) throw new RangeError(`dimension ${x.name} has no value`)
    return values[x.name]
  }
  return dim(a).terms.reduce((sum, t) => checked(sum + t.factors.reduce((all, x) => checked(all * atom(x)), t.coefficient)), 0)
}

/** The number a dim is under these values, near it beyond 2^53. Throws a RangeError naming a symbol without one. */
export const evaluate = (a: DimLike, values: DimValues): number => evaluateBy(a, values, (value) => value)

/** As `evaluate`, exact: throws a DimRangeError where the number, or one on the way to it, is beyond 2^53. */
export const evaluateExact = (a: DimLike, values: DimValues): number => evaluateBy(a, values, whole)

const symbols = new WeakMap<Dim, readonly string[]>()

const isAtomNeverNegative = (atom: Atom): boolean =>
  atom.kind === 'symbol' ||
  (atom.kind === 'min' ? [atom.left, atom.right] : [atom.numerator, atom.divisor]).every(isNeverNegative)

/** Whether it is 0 or more whatever its symbols are, as far as its form shows that: symbols are sizes. */
export const isNeverNegative = ({ terms }: Dim): boolean =>
  terms.every(({ coefficient, factors }) => coefficient > 0 && factors.every(isAtomNeverNegative))

/** The names of the symbols in it, each once, in order of appearance. */
export function symbolsOf(a: Dim): readonly string[] {
  const known = symbols.get(a)
  if (known !== undefined) return known
  const found = findSymbols(a)
  symbols.set(a, found)
  return found
}

function findSymbols(a: Dim): readonly string[] {
  const names = a.terms.flatMap(({ factors }) =>
    factors.flatMap((atom): readonly string[] => {
      if (atom.kind === 'symbol') return [atom.name]
      const [first, second] = atom.kind === 'min' ? [atom.left, atom.right] : [atom.numerator, atom.divisor]
      return [...symbolsOf(first), ...symbolsOf(second)]
    }),
  )
  return [...new Set(names)]
}

/** Reads what `key` prints: sums of products of numbers, names and floor(a, b), ceil(a, b), min(a, b). Throws a SyntaxError. */
export function parseDim(text: string): Dim {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|\S/g) ?? []
  let at = 0
  const take = (expected: string): void => {
    if (tokens[at++] !== expected) throw new SyntaxError(`expected '${expected}' in the dimension '${text}'`)
  }
  const sum = (): Dim => {
    let value = factorProduct()
    while (tokens[at] === '+' || tokens[at] === '-') {
      value = tokens[at++] === '+' ? add(value, factorProduct()) : subtract(value, factorProduct())
    }
    return value
  }
  const factorProduct = (): Dim => {
    let value = factor()
    while (tokens[at] === '*') {
      at++
      value = multiply(value, factor())
    }
    return value
  }
  const factor = (): Dim => {
    const token = tokens[at++]
    if (token === undefined) throw new SyntaxError(`the dimension '${text}' ends too early`)
    if (token === '-') return negate(factor())
    if (/^\d/.test(token)) {
      if (!Number.isSafeInteger(Number(token))) throw new SyntaxError(`${token} is too large for a dimension in '${text}'`)
      return dim(Number(token))
    }
    if (token === '(') {
      const value = sum()
      take(')')
      return value
    }
    if ((token === 'floor' || token === 'ceil' || token === 'min') && tokens[at] === '(') {
      take('(')
      const first = sum()
      take(',')
      const second = sum()
      take(')')
      return token === 'min' ? minimum(first, second) : divideRounded(token, first, second)
    }
    if (/^[A-Za-z_]/.test(token)) return symbol(token)
    throw new SyntaxError(`'${token}' is not part of a dimension in '${text}'`)
  }
  const value = sum()
  if (at < tokens.length) throw new SyntaxError(`'${tokens[at]}' is left over in the dimension '${text}'`)
  return value
}
