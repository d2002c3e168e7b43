/** Statements that add a sublayer to the residual stream, which is called `h`. */
import { printedWidth } from '../../../grammar/print.ts'
import type { Sublayer } from '../part.ts'
import { realText } from '../write.ts'
import type { Norm } from './norm.ts'

/**
 * Where the norms of a sublayer f are: `before` h + f(norm(h)), `after` h + norm(f(h)), `around` h + norm'(f(norm(h))),
 * `sum` norm(h + f(h)).
 */
export type NormPlace = 'before' | 'after' | 'around' | 'sum'

export interface Residual {
  readonly norm: Norm
  readonly place: NormPlace
  /** The factor on what a sublayer adds. */
  readonly scale: number
}

/** A factor as text before what it multiplies; nothing for 1. */
export const factorText = (value: number | string): string => {
  if (value === 1) return ''
  return `${typeof value === 'string' ? value : realText(value)} * `
}

/** Label of the norm behind a sublayer that has one on both sides. */
export const afterNorm = (label: string): string => `${label}_after_norm`

interface Heard {
  readonly statements: readonly string[]
  readonly input: string
}

/** What the sublayer hears: the residual stream, or its norm, with a name where the sublayer asks for one. */
function heardBy(sublayer: Sublayer, label: string, { norm, place }: Residual): Heard {
  if (place === 'after' || place === 'sum' || sublayer.hasNorms === true) return { statements: [], input: 'h' }
  const normed = norm.call('h', `${label}_norm`)
  if (!sublayer.namesInput) return { statements: [], input: normed }
  const name = label === 'attention' ? 'normed' : 'normed_again'
  return { statements: [`let ${name} = ${normed}`], input: name }
}

/** Whether the whole sum is one statement: where a line holds it, or where its body is on lines of its own. */
function isOneStatement(sublayer: Sublayer, [first, ...rest]: readonly string[], scale: string): boolean {
  if (sublayer.isChoice) return false
  return rest.length > 0 ? scale === '' : 4 + `h = h + ${scale}${first}`.length <= printedWidth
}

/** `wrapped`: the residual stream from the sum, where something follows the sublayer. */
export function added(
  sublayer: Sublayer,
  label: string,
  residual: Residual,
  wrapped?: (sum: string) => string,
): readonly string[] {
  const { norm } = residual
  const place = sublayer.hasNorms === true ? 'before' : residual.place
  const scale = factorText(residual.scale)
  const { statements, input } = heardBy(sublayer, label, residual)
  const lines = sublayer.lines(input)
  const before = [...(sublayer.before ?? []), ...statements]
  const sum = wrapped ?? ((text: string) => text)
  if (place === 'before' && (wrapped === undefined || lines.length === 1) && isOneStatement(sublayer, lines, scale))
    return [...before, `h = ${sum(`h + ${scale}${lines[0]}`)}`, ...lines.slice(1)]
  const result = label === 'attention' ? 'heard' : 'answer'
  const named = [...before, `let ${result} = ${lines[0]}`, ...lines.slice(1)]
  switch (place) {
    case 'before':
      return [...named, `h = ${sum(`h + ${scale}${result}`)}`]
    case 'after':
      return [...named, `h = ${sum(`h + ${scale}${norm.call(result, `${label}_norm`)}`)}`]
    case 'around':
      return [...named, `h = ${sum(`h + ${scale}${norm.call(result, afterNorm(label))}`)}`]
    case 'sum':
      return [...named, `h = ${sum(norm.call(`h + ${scale}${result}`, `${label}_norm`))}`]
    default:
      return place satisfies never
  }
}
