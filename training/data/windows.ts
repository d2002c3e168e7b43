export interface Windows {
  /** In an epoch. */
  readonly count: number
  /** Token with which window 0..count-1 of an epoch begins. */
  readonly start: (window: number, epoch: number) => number
}

/**
 * Windows of `length` tokens side by side, and the one that follows; `tokens` is at least length + 1. Where they slide, each epoch begins
 * elsewhere in the first window, so that no boundary is one for ever, and has one window less for it.
 */
export function windows(tokens: number, length: number, slide: ((epoch: number) => number) | null): Windows {
  const most = Math.floor((tokens - 1) / length)
  if (slide === null) return { count: most, start: (window) => window * length }
  const count = Math.max(1, most - 1)
  const places = Math.min(length, tokens - count * length)
  return { count, start: (window, epoch) => window * length + Math.floor(slide(epoch) * places) }
}
