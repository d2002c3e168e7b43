/** The parts that a spec is put together from, each made from the config by one function that knows nothing of the others. */
import type { Fields } from './fields.ts'
import type { RotatedPairs } from './gguf/settings.ts'
import type { Layout } from './names/source.ts'
import type { ParameterText } from './parameter.ts'
import type { Quantization } from './quantization.ts'

/** What every part of a decoder may know. */
export interface Context {
  readonly fields: Fields
  readonly layout: Layout
  /** Number of layers. */
  readonly layers: number
  readonly rotates: RotatedPairs
  /** How the files have quantised weights; absent where they have none. */
  readonly quantized?: Quantization
}

/** Path of a weight -> its source in the checkpoint, both without what leads to the layer. */
export type Weights = Readonly<Record<string, string>>

export interface Part {
  /** Modules of `std` -> the names taken from them. */
  readonly imports: Imports
  readonly parameters: readonly ParameterText[]
  readonly weights: Weights
}

export type Imports = Readonly<Record<string, readonly string[]>>

/** A network that adds to the residual stream. */
export interface Sublayer extends Part {
  /** An expression of its input, which is given as text; on several lines where it has a body. */
  readonly lines: (input: string) => readonly string[]
  /** Statements before the expression. */
  readonly before?: readonly string[]
  /** What its norm is named after. */
  readonly label: string
  /** Whether it has its norms itself, and its input is the residual stream. */
  readonly hasNorms?: boolean
  /** Whether its input is named in a line of its own, for an expression that is long or reads it several times. */
  readonly namesInput: boolean
  /** Whether it is another network in other layers; then its output is named. */
  readonly isChoice: boolean
}

/** A part of every layer, from the config. */
export type Make<T> = (context: Context) => T

export function mergedImports(parts: readonly Imports[]): Imports {
  const merged: Record<string, readonly string[]> = {}
  for (const part of parts)
    for (const [module, names] of Object.entries(part)) merged[module] = [...new Set([...(merged[module] ?? []), ...names])]
  return merged
}
