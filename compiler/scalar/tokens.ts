/** The tokens of one line of the text of kernels. */
import { parseDim, type Dim } from '../../plan/dim.ts'

/** The text is not a kernel; the message names the line, from 1. */
export class KernelSyntaxError extends Error {
  override readonly name = 'KernelSyntaxError'
}

interface Token {
  readonly text: string
  readonly start: number
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|\.\.|<=|==|[A-Za-z_]\w*|\d+(?:\.\d+)?(?:e[+-]?\d+)?[ui]?|[@%[\](){}<+\-*/=,:])/y
const WORD = /^[A-Za-z_]/

export class Tokens {
  readonly #text: string
  readonly #line: number
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(text: string, line: number) {
    this.#text = text
    this.#line = line
    const tokens: Token[] = []
    this.#tokens = tokens
    TOKEN.lastIndex = 0
    for (let end = 0; text.slice(end).trim() !== ''; end = TOKEN.lastIndex) {
      TOKEN.lastIndex = end
      const found = TOKEN.exec(text)
      if (found === null) this.fail(`cannot read '${text.slice(end).trim().slice(0, 30)}'`)
      else tokens.push({ text: found[1], start: TOKEN.lastIndex - found[1].length })
    }
  }

  fail(message: string): never {
    throw new KernelSyntaxError(`line ${this.#line}: ${message}`)
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** The next token; empty at the end of the line. */
  get next(): string {
    return this.#tokens[this.#at]?.text ?? ''
  }

  /** Whether the next token is this one; takes it if so. */
  takes(text: string): boolean {
    if (this.next !== text) return false
    this.#at++
    return true
  }

  expect(text: string): void {
    if (!this.takes(text)) this.fail(`expected '${text}'${this.atEnd ? ' at the end' : ` before '${this.next}'`}`)
  }

  take(): string {
    const { next } = this
    if (next === '') this.fail('the line ends too early')
    this.#at++
    return next
  }

  word(): string {
    return WORD.test(this.next) ? this.take() : this.fail(`expected a name before '${this.next}'`)
  }

  /** A word of a table. */
  oneOf<T extends string>(table: Readonly<Record<T, unknown>>, what: string): T {
    const word = this.word()
    return Object.hasOwn(table, word) ? (word as T) : this.fail(`'${word}' is not ${what}`)
  }

  string(): string {
    const text = this.take()
    return text.startsWith('"') ? (JSON.parse(text) as string) : this.fail(`expected a string, not '${text}'`)
  }

  integer(): number {
    const text = this.take()
    return /^\d+$/.test(text) ? Number(text) : this.fail(`expected a whole number, not '${text}'`)
  }

  /** `[DIM]` */
  dim(): Dim {
    this.expect('[')
    const start = this.#tokens[this.#at]?.start ?? this.#text.length
    while (!this.atEnd && this.next !== ']') this.#at++
    const text = this.#text.slice(start, this.#tokens[this.#at]?.start)
    this.expect(']')
    try {
      return parseDim(text.trim())
    } catch (error) {
      return this.fail((error as Error).message)
    }
  }

  end(): void {
    if (!this.atEnd) this.fail(`unexpected '${this.next}'`)
  }
}
