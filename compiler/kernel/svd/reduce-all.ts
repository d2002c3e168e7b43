/** An all-reduce of the SVD kernel, by workgroup arrays and two barriers. */
import { element, reduce, variable } from '../../scalar/build.ts'
import type { ReduceOpcode, Statement } from '../../scalar/expression.ts'
import { THREAD, assign, setElement, BARRIER } from '../../scalar/statements.ts'

const ARRAYS = { f32: 'part', u32: 'mark' } as const

/**
 * Reduces a var over all threads. Each thread reads all values, which takes two barriers; a tree takes many, and barriers are
 * slow to compile.
 */
export const reduceAll = (name: string, type: 'f32' | 'u32', opcode: ReduceOpcode): readonly Statement[] => [
  setElement(ARRAYS[type], THREAD, variable(type, name)),
  BARRIER,
  assign(name, reduce(opcode, 'l', variable('u32', 'threads'), element(type, ARRAYS[type], variable('u32', 'l')))),
  BARRIER,
]
