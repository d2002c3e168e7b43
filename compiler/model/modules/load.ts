/** The loader of imported files, given by the caller. */
import type { Source } from '../../../grammar/source.ts'

/** Why a file may not be imported. */
export interface Refusal {
  readonly refused: string
}

/** Finds what a file imports; null where there is nothing of that name. */
export interface Load {
  (path: string, from: Source): Source | Refusal | null
  /** The paths that a file could import, as it would write them; absent where they cannot be listed. */
  readonly paths?: (from: Source) => readonly string[]
  /**
   * Whether the declarations of a file are known to be right by themselves, as those of the standard library are: they are
   * checked where they are called, and not alone; by default none are.
   */
  readonly isChecked?: (source: Source) => boolean
}
