import { expect, test } from 'vitest'
import { clean } from '../../../grammar/clean.ts'
import { lex } from '../../../grammar/lexer.ts'
import { createReporter } from '../../../grammar/report.ts'
import { TokenReader, type Reading } from '../../../grammar/rules/token-reader.ts'
import { CloseParen, isA, NumberToken, OpenParen, word, Word, type Token } from '../../../grammar/tokens.ts'

class Names extends TokenReader {
  read(text: string, rule: (reader: Names) => unknown): Reading<unknown> {
    const { tokens } = clean(lex(text).tokens, createReporter({ path: 'a.smoe', text }))
    return this.readAll(tokens, () => rule(this))
  }

  name(): string {
    return this.take(Word).image
  }

  nameOrNumber(): string {
    return this.takeOneOf([Word, NumberToken], 'a name or a number').image
  }

  listed(): readonly string[] {
    this.take(OpenParen)
    const names = this.list(
      () => this.name(),
      (token: Token) => isA(token, Word),
    )
    this.take(CloseParen)
    return names
  }
}

const read = (text: string, rule: (reader: Names) => unknown) => {
  const { made, error } = new Names().read(text, rule)
  return error === null ? made : [error.token?.image ?? null, error.expected, error.isChoice]
}

test('a token of the type, or of one of its kinds, is taken', () => {
  expect(read('a', (names) => names.name())).toBe('a')
  expect(read('top', (names) => names.name())).toBe('top')
  expect(read('7', (names) => names.nameOrNumber())).toBe('7')
  expect(isA(lex('top').tokens[0], word('top'))).toBe(false)
})

test('the first mistake names its token and what was expected', () => {
  expect(read('7', (names) => names.name())).toEqual(['7', 'a name', false])
  expect(read('let', (names) => names.name())).toEqual(['let', 'a name', false])
  expect(read('', (names) => names.name())).toEqual([null, 'a name', false])
  expect(read('=', (names) => names.nameOrNumber())).toEqual(['=', 'a name or a number', true])
})

test('tokens that are left over are a mistake', () => {
  expect(read('a b', (names) => names.name())).toEqual(['b', '', false])
})

test('a list may end with a comma, and not with two', () => {
  expect(read('(a, b)', (names) => names.listed())).toEqual(['a', 'b'])
  expect(read('(a, b,)', (names) => names.listed())).toEqual(['a', 'b'])
  expect(read('(a,, b)', (names) => names.listed())).toEqual([',', '`,` or `)`', false])
  expect(read('(a b)', (names) => names.listed())).toEqual(['b', '`,` or `)`', false])
  expect(read('(a, 7)', (names) => names.listed())).toEqual(['7', '`,` or `)`', false])
})

test('an error of another kind passes through', () => {
  const fail = (): never => {
    throw new TypeError('ours')
  }
  expect(() => new Names().read('a', fail)).toThrow('ours')
})
