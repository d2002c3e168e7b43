/** Operands that lie along their lines: a load brings four neighbouring lines at one depth, and four of them are turned in registers. */
import { constantValue } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { Speller } from '../speller.ts'
import { upTo, type Cut, type Parts } from './matmul-frame.ts'

export type AlongLines = Extract<Operand, { readonly along: 'lines' }>

export const liesAlongLines = (operand: Operand): operand is AlongLines => operand.along === 'lines'

export const anyAlongLines = ({ left, products }: Matmul): boolean => [left, ...products].some(liesAlongLines)

/** Where the depths of a step lie. */
export interface DepthAddress {
  /** Before the loop. */
  readonly prepare: readonly string[]
  /** The place of line 0 at depth u of the step in hand, in units of the loads. */
  readonly at: (u: number) => string
  /** At the end of a step. */
  readonly advance: readonly string[]
}

/** Whether depth follows depth at a stride, with nothing to look up and nothing to hold back. */
export const isEven = (operand: Operand, parts: Parts): boolean =>
  liesAlongLines(operand) && operand.place === null && parts.depth.whole !== null && !parts.isPartFull

/** An even operand's place moves on with the steps, from depth `first` on; others are found by the numbers of the depths, `depth0`, `depth1` ... */
export function depthAddress(
  name: string,
  operand: AlongLines,
  cut: Pick<Cut, 'step' | 'width'>,
  parts: Parts,
  spell: Speller,
  first = '0u',
): DepthAddress {
  if (!isEven(operand, parts)) return { prepare: [], at: (u) => `${name}_at(expert, depth${u})`, advance: [] }
  const strides = stridesOf(operand, cut.width(operand), spell)
  return {
    prepare: [`var ${name}_here = ${name}_at(expert, ${first});`],
    at: (u) => (u === 0 ? `${name}_here` : `${name}_here + ${strides(u)}`),
    advance: [`${name}_here += ${strides(cut.step)};`],
  }
}

function stridesOf({ stride }: AlongLines, unit: 1 | 4, spell: Speller): (times: number) => string {
  const known = constantValue(stride)
  if (known !== undefined) return (times) => `${(known * times) / unit}u`
  return (times) => `${times}u * (${spell.size(stride)}${unit === 4 ? ' / 4u' : ''})`
}

const COMPONENTS = 'xyzw'

/** Of vectors of four lines, one a depth: the vector of depth of one line. */
export const turned = (vectors: readonly string[], line: number): string =>
  `vec4<f32>(${vectors.map((vector) => `${vector}.${COMPONENTS[line]}`).join(', ')})`

/** Whether lanes take columns by fours, since a bank brings them so. */
export const takesQuads = ({ products }: Matmul, step: 1 | 4): boolean => step === 4 && products.some(liesAlongLines)

/** `columnV`: column v of a lane. Neighbouring lanes have neighbouring columns, or neighbouring fours of them. */
export function laneColumn(v: number, lanes: number, inQuads: boolean): string {
  if (!inQuads) return `let column${v} = first_column + ${v * lanes}u + lane;`
  return `let column${v} = first_column + ${4 * lanes * (v >> 2) + (v & 3)}u + 4u * lane;`
}

/** `quadJ`: the lane's four columns from column 4 * J on, as a vector's place; behind the last column stand the last four again. */
export const laneQuads = (columns: number, lanes: number, parts: Parts): readonly string[] =>
  upTo(Math.ceil(columns / 4)).map((j) => {
    const first = `first_column + ${4 * lanes * j}u + 4u * lane`
    return `let quad${j} = ${parts.columnsFit ? `(${first})` : `min(${first}, ${parts.columns} - 4u)`} / 4u;`
  })

/** `depthU`: the number of each depth of a step, where an operand asks for it. Behind the end stands the last one again. */
export function depthNumbers({ left, products }: Matmul, step: 1 | 4, parts: Parts): readonly string[] {
  if (![left, ...products].some((operand) => liesAlongLines(operand) && !isEven(operand, parts))) return []
  if (step === 1) return [`let depth0 = ${parts.depth.at('k')};`]
  return upTo(4).map(
    (u) =>
      `let depth${u} = ${parts.depth.at(parts.isPartFull ? `min(4u * k + ${u}u, ${parts.depth.count} - 1u)` : `4u * k + ${u}u`)};`,
  )
}
