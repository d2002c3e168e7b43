/**
 * MN-major operands: a vec4 load has four neighbouring rows or columns at one k; four such vectors are transposed in registers.
 */
import { constantValue } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { upTo, type TileConfig, type TemplateContext } from './matmul-entry.ts'

export type MnMajorOperand = Extract<Operand, { readonly layout: 'mn-major' }>

export const isMnMajor = (operand: Operand): operand is MnMajorOperand => operand.layout === 'mn-major'

export const hasMnMajor = ({ left, rights }: Matmul): boolean => [left, ...rights].some(isMnMajor)

/** The addresses of an MN-major operand in a step of the K loop. */
export interface KAddress {
  /** Statements before the loop. */
  readonly prepare: readonly string[]
  /** The address of row or column 0 at the step's k + u, in units of the loads. */
  readonly at: (u: number) => string
  /** Statements at the end of a step. */
  readonly advance: readonly string[]
}

/** Whether addresses advance by a constant stride along K: no gathered rows, no K tail. */
export const hasConstantStride = (operand: Operand, context: TemplateContext): boolean =>
  isMnMajor(operand) && operand.gather === null && context.k.whole !== null && !context.hasKTail

/**
 * At a constant stride the address is a variable that starts at k = `first` and advances with the steps; otherwise it is computed
 * from the elements of K, `k_index0`, `k_index1` ...
 */
export function kAddress(
  name: string,
  operand: MnMajorOperand,
  config: Pick<TileConfig, 'kStep' | 'loadWidth'>,
  context: TemplateContext,
  emit: ScalarEmitter,
  first = '0u',
): KAddress {
  if (!hasConstantStride(operand, context)) return { prepare: [], at: (u) => `${name}_at(expert, k_index${u})`, advance: [] }
  const strides = stridesOf(operand, config.loadWidth(operand), emit)
  return {
    prepare: [`var ${name}_at_k = ${name}_at(expert, ${first});`],
    at: (u) => (u === 0 ? `${name}_at_k` : `${name}_at_k + ${strides(u)}`),
    advance: [`${name}_at_k += ${strides(config.kStep)};`],
  }
}

function stridesOf({ stride }: MnMajorOperand, unit: 1 | 4, emit: ScalarEmitter): (times: number) => string {
  const known = constantValue(stride)
  if (known !== undefined) return (times) => `${(known * times) / unit}u`
  return (times) => `${times}u * (${emit.size(stride)}${unit === 4 ? ' / 4u' : ''})`
}

const COMPONENTS = 'xyzw'

/** From four vectors of rows or columns, one a k: the vector of K of one row or column. */
export const transposedVec4 = (vectors: readonly string[], line: number): string =>
  `vec4<f32>(${vectors.map((vector) => `${vector}.${COMPONENTS[line]}`).join(', ')})`

/** Whether a thread computes four neighbouring columns, since a right operand is loaded so. */
export const takesVec4Columns = ({ rights }: Matmul, step: 1 | 4): boolean => step === 4 && rights.some(isMnMajor)

/** `columnV`: column v of a thread. Neighbouring threads have neighbouring columns, or neighbouring vec4s of columns. */
export function threadColumn(v: number, threads: number, inVec4: boolean): string {
  if (!inVec4) return `let column${v} = first_column + ${v * threads}u + thread;`
  return `let column${v} = first_column + ${4 * threads * (v >> 2) + (v & 3)}u + 4u * thread;`
}

/** `columns4_J`: the index of the thread's vec4 J of columns; behind the last column it is the last vec4 again. */
export const threadVec4Columns = (columns: number, threads: number, context: TemplateContext): readonly string[] =>
  upTo(Math.ceil(columns / 4)).map((j) => {
    const first = `first_column + ${4 * threads * j}u + 4u * thread`
    return `let columns4_${j} = ${context.columnsFit ? `(${first})` : `min(${first}, ${context.columns} - 4u)`} / 4u;`
  })

/** `k_indexU`: each element of K of a step, where an operand needs it; behind the end it is the last one again. */
export function kIndices({ left, rights }: Matmul, step: 1 | 4, context: TemplateContext): readonly string[] {
  if (![left, ...rights].some((operand) => isMnMajor(operand) && !hasConstantStride(operand, context))) return []
  if (step === 1) return [`let k_index0 = ${context.k.at('k')};`]
  return upTo(4).map(
    (u) =>
      `let k_index${u} = ${context.k.at(context.hasKTail ? `min(4u * k + ${u}u, ${context.k.count} - 1u)` : `4u * k + ${u}u`)};`,
  )
}
