/** Exact quotients: where Q = N / D, D * Q and N are one size. */
import {
  add,
  ceilDivide,
  constantValue,
  dim,
  divideExact,
  fromParts,
  multiply,
  product,
  subtract,
  symbolsOf,
  ZERO,
  type Atom,
  type Dim,
} from '../../../plan/dim.ts'

export interface Quotient {
  readonly numerator: Dim
  readonly divisor: Dim
  readonly quotient: Dim
}

/** Remembers a quotient, and what it is of others: where both are exact, N / 2 is 2 * (N / 4), and N / 2 / 2 is N / 4. */
export function remember(made: Quotient, quotients: Quotient[]): void {
  if (quotients.some((one) => one.quotient === made.quotient)) return
  const others = quotients.filter(({ numerator }) => numerator === made.numerator)
  const whole = quotients.filter(({ quotient }) => quotient === made.numerator)
  quotients.push(
    made,
    ...whole.map(({ numerator, divisor }) => ({ ...made, numerator, divisor: multiply(divisor, made.divisor) })),
  )
  for (const other of others) {
    const [up, down] = [divideExact(made.divisor, other.divisor), divideExact(other.divisor, made.divisor)]
    if (up !== undefined) quotients.push({ numerator: other.quotient, divisor: up, quotient: made.quotient })
    else if (down !== undefined) quotients.push({ numerator: made.quotient, divisor: down, quotient: other.quotient })
  }
}

const factorOf = (atom: Atom): Dim => fromParts(atom, (part) => part)

/** The terms of a dim, each as a dim. */
const termsOf = (size: Dim): readonly Dim[] =>
  size.terms.map(({ coefficient, factors }) => multiply(coefficient, product(factors.map(factorOf))))

function collapse(size: Dim, { numerator, divisor, quotient }: Quotient): Dim {
  const whole = multiply(divisor, quotient)
  return termsOf(size).reduce<Dim>((sum, term) => {
    const rest = divideExact(term, whole)
    return add(sum, rest === undefined ? term : multiply(rest, numerator))
  }, ZERO)
}

/** Puts D * Q in the place of N, where N is one name: then N - Q has a form. */
function spread(size: Dim, { numerator, divisor, quotient }: Quotient): Dim {
  if (numerator.terms.length !== 1 || numerator.terms[0].factors.length !== 1) return size
  const whole = multiply(divisor, quotient)
  return termsOf(size).reduce<Dim>((sum, term) => {
    const rest = divideExact(term, numerator)
    return add(sum, rest === undefined ? term : multiply(rest, whole))
  }, ZERO)
}

/** Forms found before, while a list of quotients had this length. */
const found = new WeakMap<readonly Quotient[], { readonly length: number; readonly forms: Map<Dim, Dim> }>()

function formsOf(quotients: readonly Quotient[]): Map<Dim, Dim> {
  const known = found.get(quotients)
  if (known?.length === quotients.length) return known.forms
  const forms = new Map<Dim, Dim>()
  found.set(quotients, { length: quotients.length, forms })
  return forms
}

/** One form for all sizes that these quotients make equal. */
export function canonical(size: Dim, quotients: readonly Quotient[]): Dim {
  if (quotients.length === 0 || size.terms.every((term) => term.factors.length === 0)) return size
  const forms = formsOf(quotients)
  const known = forms.get(size)
  if (known !== undefined) return known
  const form = formOf(size, quotients)
  forms.set(size, form)
  return form
}

/** Collapses until nothing changes: one quotient may be a factor of another's divisor. */
function fold(size: Dim, quotients: readonly Quotient[]): Dim {
  const next = quotients.reduce(collapse, size)
  return next === size ? size : fold(next, quotients)
}

function formOf(size: Dim, quotients: readonly Quotient[]): Dim {
  const folded = fold(size, quotients)
  // a sum such as N - N / 2 is one quotient only after N is taken apart
  const apart = folded.terms.length < 2 ? folded : quotients.reduce(spread, folded)
  return apart.terms.length < folded.terms.length ? fold(apart, quotients) : folded
}

export const equalSizes = (a: Dim, b: Dim, quotients: readonly Quotient[]): boolean =>
  a === b || (quotients.length > 0 && canonical(subtract(a, b), quotients) === ZERO)

/** a / b where these quotients show it to be exact. */
export function divideSizes(a: Dim, b: Dim, quotients: readonly Quotient[]): Dim | undefined {
  const direct = divideExact(a, b)
  if (direct !== undefined || quotients.length === 0) return direct
  for (const quotient of quotients) {
    const apart = divideExact(spread(a, quotient), b)
    if (apart !== undefined) return canonical(apart, quotients)
  }
  return a.terms.length > 1 ? divideTerms(a, b, quotients) : undefined
}

/** A sum is divided where each of its terms is. */
function divideTerms(a: Dim, b: Dim, quotients: readonly Quotient[]): Dim | undefined {
  const parts = termsOf(a).map((term) => divideSizes(term, b, quotients))
  return parts.every((part) => part !== undefined) ? canonical(parts.reduce(add, ZERO), quotients) : undefined
}

/**
 * The number of steps of this size in so many places, a part of a step counted whole: exact as far as these quotients show it.
 */
export function stepsIn(places: Dim, step: number, quotients: readonly Quotient[]): Dim {
  const parts = termsOf(places).map((term) => ({
    term,
    steps: constantValue(term) === undefined ? divideSizes(term, dim(step), quotients) : undefined,
  }))
  const whole = parts.reduce<Dim>((sum, { steps }) => (steps === undefined ? sum : add(sum, steps)), ZERO)
  const rest = parts.reduce<Dim>((sum, { term, steps }) => (steps === undefined ? add(sum, term) : sum), ZERO)
  return canonical(add(whole, ceilDivide(rest, step)), quotients)
}

export const mentions = (size: Dim, name: string): boolean => symbolsOf(size).includes(name)
