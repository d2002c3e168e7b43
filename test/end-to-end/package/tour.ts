/** The commands of a page and what it says that they print. */

export interface Step {
  readonly command: string
  readonly output: readonly string[]
}

const BLOCK = /^```\n([^]*?)^```/gm

/** Every block whose first line is a command: `$ command`, continued by a backslash, and its output until the next one. */
export function stepsOf(page: string): readonly Step[] {
  return [...page.matchAll(BLOCK)]
    .filter(([, text]) => text.startsWith('$ '))
    .flatMap(([, text]) =>
      text
        .replaceAll(/\\\n\s*/g, '')
        .split(/^\$ /m)
        .slice(1)
        .map((step) => {
          const [command, ...output] = step.trimEnd().split('\n')
          return { command, output }
        }),
    )
}

const MASKS: readonly (readonly [RegExp, string])[] = [
  // times depend on the machine
  [/\d[\d.,]*(?: min \d+)? (ms|s)\b/g, '# $1'],
  // so do threads
  [/\b\d+ threads?\b/g, '# threads'],
  // errors of rounding depend on its processor
  [/\b\d\.\d+e-\d+\b/g, '#'],
  // directories of a run are told as they are
  [/\S*\/(characters-run)\b/g, '$1'],
  [/\s+/g, ' '],
]

const masked = (line: string): string => MASKS.reduce((text, [pattern, by]) => text.replace(pattern, by), line).trim()

/** The first expected line that is not there, or not in its place; null where all are. `...` stands for any lines. */
export function missing(expected: readonly string[], actual: readonly string[]): string | null {
  const seen = actual.map(masked)
  let [at, skips] = [0, false]
  for (const line of expected) {
    if (line.trim() === '...') {
      skips = true
      continue
    }
    const found = skips ? seen.indexOf(masked(line), at) : seen[at] === masked(line) ? at : -1
    if (found < 0) return `${masked(line)}, after ${JSON.stringify(seen.slice(Math.max(0, at - 2), at + 3))}`
    at = found + 1
    skips = false
  }
  return null
}
