/** The examples in a page of Markdown. */

export interface Fence {
  /** Counted from 1: where the text of the example begins. */
  readonly line: number
  readonly text: string
  /** Statements of a function, not a file. */
  readonly isFragment: boolean
  /** The code it must bring about; null where it must compile. */
  readonly error: string | null
}

export function fencesOf(markdown: string): readonly Fence[] {
  return [...markdown.matchAll(/^```smoe(.*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: info, 2: text }) => ({
    line: markdown.slice(0, index).split('\n').length + 1,
    text,
    isFragment: /\bfragment\b/.test(info),
    error: /\berror=(SMOE\d{4})/.exec(info)?.[1] ?? null,
  }))
}

/** A fragment in the function that the page promises around it. */
export const whole = ({ text, isFragment }: Fence): string =>
  isFragment
    ? [
        'fn around(x: f32[T, D], y: f32[T, D], table: f32[N, D], ids: i32[T], flag: bool, heads: int in 1.., C: int in 1.., wide: f32[T, heads * C]) -> f32[T, D] {',
        ...text
          .trimEnd()
          .split('\n')
          .map((line) => `  ${line}`),
        '  return x',
        '}',
        '',
      ].join('\n')
    : text

/** The fragment again, out of the function around it as the formatter lays it out. */
export function inside(printed: string): string {
  const lines = printed.split('\n')
  const first = lines.findIndex((line) => line.endsWith('{')) + 1
  return lines
    .slice(first, lines.indexOf('  return x'))
    .map((line) => `${line.slice(2)}\n`)
    .join('')
}

/** What stands between `<!-- name -->` and the next `<!-- end -->`; null where there is no such pair. */
export function sectionOf(markdown: string, name: string): string | null {
  const begin = `<!-- ${name} -->\n`
  const at = markdown.indexOf(begin)
  const end = markdown.indexOf('<!-- end -->', at)
  return at < 0 || end < 0 ? null : markdown.slice(at + begin.length, end)
}

export function withSection(markdown: string, name: string, text: string): string {
  const old = sectionOf(markdown, name)
  return old === null ? markdown : markdown.replace(`<!-- ${name} -->\n${old}`, () => `<!-- ${name} -->\n${text}`)
}
