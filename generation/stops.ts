/** Texts at which an answer ends. */

export interface StopSearch {
  /** Adds text; what of it is certain not to begin a stop. */
  readonly add: (text: string) => string
  /** Whether a stop was found: nothing comes after it, nor of it. */
  readonly isFound: () => boolean
  /** The text that was held back. */
  readonly end: () => string
}

/** The length of the longest end of `text` that a stop begins with. */
function heldLength(text: string, stops: readonly string[]): number {
  const longest = Math.min(text.length, Math.max(0, ...stops.map((stop) => stop.length - 1)))
  for (let length = longest; length > 0; length--)
    if (stops.some((stop) => stop.startsWith(text.slice(text.length - length)))) return length
  return 0
}

/** No stop is empty. */
export function stopSearch(stops: readonly string[]): StopSearch {
  let [held, isFound] = ['', false]
  return {
    add: (text) => {
      if (isFound) return ''
      const all = held + text
      const places = stops.map((stop) => all.indexOf(stop)).filter((place) => place >= 0)
      isFound = places.length > 0
      const sure = isFound ? Math.min(...places) : all.length - heldLength(all, stops)
      held = isFound ? '' : all.slice(sure)
      return all.slice(0, sure)
    },
    isFound: () => isFound,
    end: () => held,
  }
}
