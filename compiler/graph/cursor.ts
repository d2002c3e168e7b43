/** Reads the textual form of a graph, one line at a time. */
import { parseDim, type Dim } from '../../plan/dim.ts'

/** The text is not a graph; the message names the line, from 1. */
export class GraphSyntaxError extends Error {
  override readonly name = 'GraphSyntaxError'
}

/** A place in one line. Every reader skips the blanks before it. */
export class Cursor {
  readonly #text: string
  readonly #line: number
  #at = 0

  constructor(text: string, line: number) {
    this.#text = text
    this.#line = line
  }

  fail(message: string): never {
    throw new GraphSyntaxError(`line ${this.#line}: ${message}`)
  }

  #match(pattern: RegExp): string | null {
    const sticky = new RegExp(`\\s*(${pattern.source})`, 'y')
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#text)
    if (found === null) return null
    this.#at = sticky.lastIndex
    return found[1]
  }

  get atEnd(): boolean {
    return this.#text.slice(this.#at).trim() === ''
  }

  /** Whether the mark stands here; takes it if so. */
  takes(mark: string): boolean {
    return this.#match(new RegExp(mark.replace(/[^\w\s]/g, '\\$&'))) !== null
  }

  /** Whether the mark stands here, right after what was read. */
  looksAt(mark: string): boolean {
    return this.#text.startsWith(mark, this.#at)
  }

  expect(mark: string): void {
    if (!this.takes(mark)) this.fail(`expected '${mark}' before '${this.#text.slice(this.#at).trim().slice(0, 30)}'`)
  }

  word(): string {
    return this.#match(/[A-Za-z_]\w*/) ?? this.fail(`expected a word before '${this.#text.slice(this.#at).trim().slice(0, 30)}'`)
  }

  string(): string {
    const text = this.#match(/"(?:[^"\\]|\\.)*"/) ?? this.fail('expected a string')
    return JSON.parse(text) as string
  }

  number(): number {
    const text = this.#match(/-?(?:inf|nan|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/) ?? this.fail('expected a number')
    return text === 'nan' ? NaN : text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
  }

  /** A dim up to the next comma or bracket that stands outside its own parentheses. */
  dim(): Dim {
    const start = this.#at
    for (let depth = 0; this.#at < this.#text.length; this.#at++) {
      const mark = this.#text[this.#at]
      if (mark === '(') depth++
      else if (mark === ')') depth--
      else if (depth === 0 && (mark === ',' || mark === ']')) break
    }
    const text = this.#text.slice(start, this.#at).trim()
    try {
      return parseDim(text)
    } catch (error) {
      return this.fail((error as Error).message)
    }
  }

  /** `[a, b, c]` */
  list<T>(item: () => T): T[] {
    const items: T[] = []
    this.expect('[')
    if (this.takes(']')) return items
    do items.push(item())
    while (this.takes(','))
    this.expect(']')
    return items
  }
}
