/** A breach of the style, with its place. */
export interface Problem {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly message: string
}
