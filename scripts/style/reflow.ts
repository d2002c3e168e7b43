/** Breaks comments and paragraphs that are too wide anew; leaves code, strings, tables and listings as they are. */
import { fencedLines, type SourceFile } from './files.ts'
import { WIDTH } from './width.ts'

/** Words in lines that begin with `first` and then `rest`. */
function fill(words: readonly string[], first: string, rest: string): readonly string[] {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of words) {
    const longer = isEmpty ? line + word : `${line} ${word}`
    if (longer.length <= WIDTH || isEmpty) line = longer
    else {
      lines.push(line)
      line = rest + word
    }
    isEmpty = false
  }
  return [...lines, line]
}

/** A piece of code in backticks, up to a line, is one word. */
const wordsOf = (text: string): readonly string[] => text.match(/(?:`[^`]{1,60}`|[^\s`]|`(?![^`]{1,60}`))+/g) ?? []

/** A paragraph: where it begins, where the next begins, and how its lines begin. */
interface Paragraph {
  readonly from: number
  readonly to: number
  readonly first: string
  readonly rest: string
  readonly words: readonly string[]
}

const refilled = (lines: readonly string[], paragraphs: readonly Paragraph[]): readonly string[] => {
  const starts = new Map(paragraphs.map((paragraph) => [paragraph.from, paragraph]))
  const out: string[] = []
  for (let at = 0; at < lines.length; at++) {
    const paragraph = starts.get(at)
    if (paragraph === undefined) {
      out.push(lines[at])
      continue
    }
    out.push(...fill(paragraph.words, paragraph.first, paragraph.rest))
    at = paragraph.to - 1
  }
  return out
}

/** Lines from `at` on while they go on with the paragraph. */
function endOf(lines: readonly string[], at: number, goesOn: (line: string) => boolean): number {
  let end = at + 1
  while (end < lines.length && goesOn(lines[end])) end++
  return end
}

const isWide = (lines: readonly string[], from: number, to: number): boolean =>
  lines.slice(from, to).some((line) => line.length > WIDTH)

/** Prose of a document: paragraphs and items of lists. */
function documentParagraphs(lines: readonly string[]): readonly Paragraph[] {
  const fenced = fencedLines(lines)
  const isPlain = (line: string): boolean => !/^\s*(#|\||>|<|```|[-*] |\d+\. |$)/.test(line) && !/ {2}$/.test(line)
  const found: Paragraph[] = []
  for (let at = 0; at < lines.length; at++) {
    const [, indent, mark] = /^( *)([-*] |\d+\. )?/.exec(lines[at]) ?? []
    if (fenced.has(at) || !(isPlain(lines[at]) || mark !== undefined)) continue
    const to = endOf(lines, at, (line) => isPlain(line) && !fenced.has(lines.indexOf(line, at)))
    const rest = mark === undefined ? indent : ' '.repeat(indent.length + mark.length)
    if (isWide(lines, at, to))
      found.push({
        from: at,
        to,
        first: indent + (mark ?? ''),
        rest,
        words: wordsOf(
          lines
            .slice(at, to)
            .join(' ')
            .trim()
            .slice(mark?.length ?? 0),
        ),
      })
    at = to - 1
  }
  return found
}

/** Comments of a source or a spec that stand on lines of their own. */
function commentParagraphs(lines: readonly string[]): readonly Paragraph[] {
  const found: Paragraph[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]
    const single = /^(\s*)(\/\/\/?) (?!\s|[-*] )/.exec(line)
    const starred = /^(\s*)\* (?![\s@]|\| |[-*] |\d+\. )/.exec(line)
    const prefix = single !== null ? `${single[1]}${single[2]} ` : starred !== null ? `${starred[1]}* ` : null
    if (prefix === null) continue
    const to = endOf(
      lines,
      at,
      (next) => next.startsWith(prefix) && !/^([\s@*]|\| |[-*] |\d+\. )/.test(next.slice(prefix.length)),
    )
    if (isWide(lines, at, to))
      found.push({
        from: at,
        to,
        first: prefix,
        rest: prefix,
        words: wordsOf(
          lines
            .slice(at, to)
            .map((each) => each.slice(prefix.length))
            .join(' '),
        ),
      })
    at = to - 1
  }
  return found
}

/** A doc comment of one wide line as one of several. */
const opened = (line: string): readonly string[] => {
  const [, indent, text] = /^(\s*)\/\*\* (.*) \*\/$/.exec(line) ?? []
  return line.length <= WIDTH || text === undefined ? [line] : [`${indent}/**`, `${indent} * ${text}`, `${indent} */`]
}

/** The text with comments and paragraphs that fit. */
export function reflow({ path, text }: SourceFile): string {
  const lines = text.split('\n')
  if (path.endsWith('.md')) return refilled(lines, documentParagraphs(lines)).join('\n')
  const all = lines.flatMap(opened)
  return refilled(all, commentParagraphs(all)).join('\n')
}
