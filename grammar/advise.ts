import type { Diagnostic } from './diagnostic.ts'
import { CHOICE, foreignMethod, isTuple, NO_TUPLES, UNNAMED, walrusAt } from './foreign.ts'
import type { Reporter } from './report.ts'
import { closest } from './suggest.ts'
import { AnyWord, Bar, Colon, Comma, endOf, Equals, IsEqual, StringToken, Word, isA, type Token } from './tokens.ts'

interface Advice {
  readonly help?: string
  readonly fix?: Diagnostic['fix']
  /** Specific messages and fixes for common syntax mistakes, in place of "expected ...". */
  readonly message?: string
}

const elseIf = new Set(['elif', 'elseif', 'elsif'])

/** Advice for a common mistake at a token of a piece; a fix only if no other reading is possible. */
export function advise(expected: string, tokens: readonly Token[], at: number, report: Reporter, isChoice: boolean): Advice {
  const [token, before] = [tokens[at]!, tokens[at - 1]]
  const swap = (replacement: string, first = token, last = token): Advice['fix'] => ({
    span: report.span(first.startOffset, endOf(last)),
    replacement,
  })
  const walrus = walrusAt(tokens, at)
  if (walrus !== null) return { help: 'write `=` to give a value', fix: swap('=', ...walrus) }
  if (expected === '`:`' && token.tokenType === Equals) return { help: 'a type follows `:`', fix: swap(':') }
  if (expected === '`=`' && token.tokenType === IsEqual) return { help: 'write `=` to give a value', fix: swap('=') }
  if (expected.startsWith('`,`') && token.tokenType === Colon) return { help: 'write a named argument with `=`', fix: swap('=') }
  if (token.tokenType === Equals) return { help: 'equality is written `==`' }
  if (before?.image === 'lambda' || (expected === 'an expression' && token.image === 'fn')) return { help: UNNAMED }
  if (token.image === '=>') return { message: 'there are no anonymous functions', help: UNNAMED }
  if (elseIf.has(token.image) && (expected === '`else`' || expected === '')) return { help: CHOICE, fix: swap('else if') }
  if (isChoice && token.image === 'if') return { help: 'put the conditional in parentheses' }
  if (token.image === 'if' && (expected === '' || expected.startsWith('`,`'))) return { help: CHOICE }
  if (isTuple(token, expected)) return { message: 'expected one value, not several', help: NO_TUPLES }
  if (token.tokenType === Bar && expected !== 'an expression')
    return { help: 'write `a or b` for a disjunction', fix: swap('or') }
  const method = foreignMethod(tokens, at, report.source.text)
  if (method !== null) return { message: `values have no methods like \`.${nameOf(method.name)}(...)\``, help: method.help }
  if (expected === '' && (token.image === '(' || token.image === '[')) {
    return { help: `the \`${token.image}\` of a call or an index must be on the same line as what it follows` }
  }
  const meant = /^`(\w+)`$/.exec(expected)?.[1]
  if (meant !== undefined && isA(token, Word) && closest(token.image, [meant]) !== null) {
    return { help: `did you mean \`${meant}\`?`, fix: swap(meant) }
  }
  if (expected.startsWith('`,`') && before?.tokenType !== Comma && isA(token, AnyWord))
    return { help: 'items are separated by `,`' }
  return {}
}

const nameOf = ({ image }: Token): string => (image.length > 24 ? `${image.slice(0, 24)}...` : image)

/** A token as messages show it. */
export const nameToken = (token: Token): string => (token.tokenType === StringToken ? 'a string' : `\`${nameOf(token)}\``)
