/** Exact quotients: where Q = N / D, D * Q and N are one size. */
import {
  add, divideExact, fromParts, multiply, product, subtract, symbolsOf, ZERO, type Atom, type Dim,
} from '../../plan/dim.ts'

export interface Quotient {
  readonly numerator: Dim
  readonly divisor: Dim
  readonly quotient: Dim
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
  return undefined
}

export const mentions = (size: Dim, name: string): boolean => symbolsOf(size).includes(name)
