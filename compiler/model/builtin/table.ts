/** Every builtin function and operator of the language. */
import type { Builtin } from './builtin.ts'
import { DECOMPOSITIONS } from './decompositions.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { INDEXED } from './indexed.ts'
import { MOVEMENTS } from './movement.ts'
import { PRODUCTS } from './products.ts'
import { RANDOM } from './random.ts'
import { REDUCTIONS } from './reductions.ts'
import { SEQUENCES } from './sequences.ts'
import { TRANSPORT } from './transport.ts'

const TABLE = {
  ...ELEMENTWISE,
  ...REDUCTIONS,
  ...MOVEMENTS,
  ...INDEXED,
  ...SEQUENCES,
  ...PRODUCTS,
  ...DECOMPOSITIONS,
  ...TRANSPORT,
  ...RANDOM,
} as const

export type BuiltinName = keyof typeof TABLE

export const BUILTINS: Readonly<Record<BuiltinName, Builtin>> = TABLE

/** The builtins that are called by name. */
export const FUNCTIONS: ReadonlyMap<string, BuiltinName> = new Map(
  (Object.keys(TABLE) as BuiltinName[]).filter((name) => BUILTINS[name].operator === null).map((name) => [name, name]),
)

/** Numbers with a name. */
export const CONSTANTS: Readonly<Record<string, { readonly value: number; readonly doc: string }>> = {
  lowest: { value: -3.4028234663852886e38, doc: 'The lowest finite f32: the value of a masked score.' },
}
