/** Windows of tokens in a stream. */
export interface Windows {
  /** Windows in an epoch. */
  readonly count: number
  /** The first token of window 0..count-1 of an epoch. */
  readonly start: (window: number, epoch: number) => number
}

/**
 * Consecutive windows of `length` tokens; each also needs the token after it, so `tokens` is at least length + 1. With an offset,
 * each epoch begins at another token of the first window, so that the boundaries change, and has one window less.
 */
export function windows(tokens: number, length: number, offset: ((epoch: number) => number) | null): Windows {
  const max = Math.floor((tokens - 1) / length)
  if (offset === null) return { count: max, start: (window) => window * length }
  const count = Math.max(1, max - 1)
  const positions = Math.min(length, tokens - count * length)
  return { count, start: (window, epoch) => window * length + Math.floor(offset(epoch) * positions) }
}
