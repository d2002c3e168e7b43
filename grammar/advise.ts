import { tokenMatcher, type IToken } from 'chevrotain'
import type { Diagnostic } from './diagnostic.ts'
import type { Span } from './source.ts'
import { closest } from './suggest.ts'
import { AnyWord, Colon, Comma, Equals, IsEqual, StringToken, Word } from './tokens.ts'

interface Advice {
  readonly help?: string
  readonly fix?: Diagnostic['fix']
}

/** What is known about common slips; a fix only where no other reading is possible. */
export function advise(expected: string, token: IToken, before: IToken | undefined, span: Span, isChoice: boolean): Advice {
  const swap = (replacement: string): Advice['fix'] => ({ span, replacement })
  if (expected === '`:`' && token.tokenType === Equals) return { help: 'a type follows `:`', fix: swap(':') }
  if (expected === '`=`' && token.tokenType === IsEqual) return { help: 'a value is given with `=`', fix: swap('=') }
  if (expected.startsWith('`,`') && token.tokenType === Colon) return { help: 'a named argument is given with `=`', fix: swap('=') }
  if (token.tokenType === Equals) return { help: 'equality is written `==`' }
  if (isChoice && token.image === 'if') return { help: 'put the conditional in parentheses' }
  if (expected === '' && (token.image === '(' || token.image === '[')) {
    return { help: `the \`${token.image}\` of a call or an index stands on the line of what it belongs to` }
  }
  const meant = /^`(\w+)`$/.exec(expected)?.[1]
  if (meant !== undefined && tokenMatcher(token, Word) && closest(token.image, [meant]) !== null) {
    return { help: `probably \`${meant}\` is meant`, fix: swap(meant) }
  }
  if (expected.startsWith('`,`') && before?.tokenType !== Comma && tokenMatcher(token, AnyWord)) return { help: 'items are separated by `,`' }
  return {}
}

/** A token as messages say it. */
export function nameToken(token: IToken): string {
  if (token.tokenType === StringToken) return 'a string'
  return `\`${token.image.length > 24 ? `${token.image.slice(0, 24)}...` : token.image}\``
}
