/** Walks over statements: the expressions of each, the blocks inside, and whether it synchronizes. */
import type { Expression, Statement } from './expression.ts'

/** The expressions that a statement itself evaluates, in order; not those of the blocks inside. */
export function valuesOf(s: Statement): readonly Expression[] {
  switch (s.kind) {
    case 'let':
    case 'var':
    case 'assign':
      return [s.value]
    case 'assign-element':
    case 'store':
      return [s.index, s.value]
    case 'for':
      return [s.from, s.below, s.step]
    case 'if':
      return [s.condition]
    case 'uniform-load':
      return [s.index]
    case 'loop':
      return [s.while]
    case 'reduce':
      return [s.extent, s.value]
    case 'array':
    case 'barrier':
    case 'all-reduce':
      return []
    default:
      return s satisfies never
  }
}

/** The blocks of statements inside a statement. */
export function blocksOf(s: Statement): readonly (readonly Statement[])[] {
  switch (s.kind) {
    case 'for':
    case 'loop':
    case 'reduce':
      return [s.body]
    case 'if':
      return [s.body, s.otherwise]
    default:
      return []
  }
}

/** All statements, those of blocks inside included, in order. */
export const allStatements = (statements: readonly Statement[]): readonly Statement[] =>
  statements.flatMap((s) => [s, ...blocksOf(s).flatMap(allStatements)])

/** Whether a statement synchronizes the threads of a workgroup, itself or inside. */
export function synchronizes(s: Statement): boolean {
  switch (s.kind) {
    case 'barrier':
    case 'all-reduce':
    case 'uniform-load':
    case 'loop':
      return true
    default:
      return blocksOf(s).some((block) => block.some(synchronizes))
  }
}
