/** What an `assert` proves about sizes: with C % 2 == 0, C / 2 is exact. */
import { add, divideExact, floorDivide, multiply, negate, symbol, symbolsOf, type Dim } from '../../../plan/dim.ts'
import { remember, type Quotient } from './exact.ts'
import type { Static } from './static.ts'

/** The quotient N / D that is exact where this size, N - D * floor(N / D) or less that, is 0. */
function quotientIn(zero: Dim): Quotient | null {
  for (const atom of zero.terms.flatMap(({ factors }) => factors)) {
    if (atom.kind !== 'floor') continue
    const { numerator, divisor } = atom
    const quotient = floorDivide(numerator, divisor)
    const isRemainder = [zero, negate(zero)].some((size) => add(size, multiply(divisor, quotient)) === numerator)
    if (isRemainder) return { numerator, divisor, quotient }
  }
  return null
}

/** The quotient that is exact where a name is equal to a product of others: of N == A * B it is N / A. */
function productIn(name: Dim, product: Dim): Quotient | null {
  const [own, other] = [symbolsOf(name), product.terms]
  if (symbol(own[0] ?? '') !== name || other.length !== 1 || symbolsOf(product).includes(own[0])) return null
  const factor = other[0].factors.findLast(({ kind }) => kind === 'symbol')
  if (factor?.kind !== 'symbol') return null
  const quotient = symbol(factor.name)
  return { numerator: name, divisor: divideExact(product, quotient)!, quotient }
}

/** Remembers which quotients are exact where a law holds. */
export function rememberFacts(law: Static, quotients: Quotient[]): void {
  if (law.kind !== 'operation') return
  const [left, right] = law.operands
  if (law.word === 'and') law.operands.forEach((one) => rememberFacts(one, quotients))
  if (law.word !== '==' || left.kind !== 'int' || right.kind !== 'int') return
  const found = quotientIn(add(left.dim, negate(right.dim))) ?? productIn(left.dim, right.dim) ?? productIn(right.dim, left.dim)
  if (found !== null) remember(found, quotients)
}

/** `assert C % 2 == 0` for a message in which a size of a slice is rounded, where the assertion may stand; else null. */
export function factHelp(message: string, runDims: ReadonlySet<string>): string | null {
  const shownSizes = message.replace(/\bfloor\(([^(),]+), ([^(),]+)\)/g, '$1 / $2')
  const [, numerator, divisor] = /\bceil\(([^(),]+), (\d+)\)/.exec(shownSizes) ?? []
  if (numerator === undefined) return null
  const size = numerator.replace(/ \+ -?\d+$/, '')
  if (size.split(/\W+/).some((name) => runDims.has(name))) return null
  const shown = /\W/.test(size) ? `(${size})` : size
  return `with \`assert ${shown} % ${divisor} == 0\` a slice with step ${divisor} has the size ${shown} / ${divisor}`
}
