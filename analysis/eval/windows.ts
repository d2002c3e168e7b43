/** The windows of a text in which a model with a limited context is evaluated. */

/** Positions of tokens; `end` is behind the last. */
export interface Window {
  readonly start: number
  readonly end: number
  /** Tokens before this one were part of an earlier window: they are context. */
  readonly fresh: number
  /** The first token whose prediction counts: the first of a window has no context, and none predicts it. */
  readonly scored: number
}

/**
 * Windows of at most `context` tokens, each `stride` after the one before, until the text ends. Each token is fresh in one
 * window. With the stride of the context windows do not overlap. This is the protocol of Hugging Face's "Perplexity of
 * fixed-length models": the targets of earlier windows are masked.
 */
export function windowsOf(tokens: number, context: number, stride: number): readonly Window[] {
  const windows: Window[] = []
  for (let [start, fresh] = [0, 0]; fresh < tokens; start += stride) {
    const end = Math.min(start + context, tokens)
    windows.push({ start, end, fresh, scored: Math.max(fresh, start + 1) })
    fresh = end
  }
  return windows
}
