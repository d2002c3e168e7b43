/** The text of tokens that come one by one. */

export interface TextStream {
  /** Adds a token; the text that is certain from it on, often none: a character may need further tokens. */
  readonly add: (id: number) => string
  /** The text that was held back. */
  readonly end: () => string
}

const UNFINISHED = '\uFFFD'

/**
 * Text after `prompt`. The decoder is given all tokens each time, since the first piece is decoded otherwise than those that
 * follow it. Text that ends in U+FFFD is held back until its character is whole.
 */
export function textStream(decode: (ids: readonly number[]) => string, prompt: readonly number[]): TextStream {
  const ids = [...prompt]
  let [all, told] = [decode(ids), decode(ids).length]
  return {
    add: (id) => {
      ids.push(id)
      all = decode(ids)
      if (all.endsWith(UNFINISHED) || all.length <= told) return ''
      const fresh = all.slice(told)
      told = all.length
      return fresh
    },
    end: () => all.slice(told),
  }
}
