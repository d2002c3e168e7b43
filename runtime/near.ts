/** Similar names, for the suggestions in error messages. */

/** The optimal string alignment distance: insertions, deletions, substitutions and transpositions of neighbours. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, replaced)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1)
    }
    before = row
    row = next
  }
  return row[b.length]
}

/** At most three similar names, the nearest first. */
export function nearNames(name: string, known: Iterable<string>): readonly string[] {
  const limit = Math.max(2, Math.floor(name.length / 4))
  return (
    [...known]
      .filter((candidate) => Math.abs(candidate.length - name.length) <= limit)
      // the distance costs the product of both lengths, so few candidates are compared
      .slice(0, 2000)
      .map((candidate) => ({ candidate, edits: distance(name, candidate) }))
      .filter(({ edits }) => edits <= limit)
      .sort((a, b) => a.edits - b.edits || (a.candidate < b.candidate ? -1 : 1))
      .slice(0, 3)
      .map(({ candidate }) => candidate)
  )
}
