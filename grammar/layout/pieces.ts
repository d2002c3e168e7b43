import type { Token } from '../tokens.ts'

/** How deep brackets, blocks and expressions may nest. */
export const maximumNesting = 200

/** What a pair of braces holds. */
export type Context = 'file' | 'names' | 'statements' | 'clauses' | 'entries'

/** One declaration, statement, clause or entry; each block in it is a single `BlockToken` whose payload is a `Block`. */
export interface Piece {
  readonly tokens: Token[]
  /** Whether a mistake in it has been reported; no further syntax error is. */
  reported: boolean
  /** Whether a part of it was dropped, so that it cannot be parsed. */
  cut: boolean
}

export interface Block {
  readonly context: Context
  readonly pieces: readonly Piece[]
}
