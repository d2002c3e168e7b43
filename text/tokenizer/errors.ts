/** The error of tokenizers and chat templates that users can correct. */

export type TokenizerErrorCode =
  /** The file is damaged, or larger than any tokenizer is. */
  | 'format'
  /** The library does not compute a part of it as its authors do. */
  | 'unsupported'
  /** It took longer than it may. */
  | 'deadline'
  /** It needed more memory than it may have. */
  | 'memory'
  /** It gave no tokens for a text. */
  | 'failed'

export class TokenizerError extends Error {
  readonly kind = 'tokenizer'
  readonly code: TokenizerErrorCode

  constructor(code: TokenizerErrorCode, message: string) {
    super(message)
    this.name = 'TokenizerError'
    this.code = code
  }
}
