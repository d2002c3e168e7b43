import { expect, test } from 'vitest'
import type { Expression } from '../../grammar/ast.ts'
import { parseText } from './helpers.ts'

function written(expression: Expression): string {
  switch (expression.kind) {
    case 'binary':
      return `(${written(expression.left)} ${expression.operator} ${written(expression.right)})`
    case 'unary':
      return `(${expression.operator} ${written(expression.operand)})`
    case 'name':
      return expression.name.text
    case 'transpose':
      return `${written(expression.operand)}.T`
    default:
      return expression.kind
  }
}

test.each([
  ['a + b * c - d', '((a + (b * c)) - d)'],
  ['a * b @ c / d', '(((a * b) @ c) / d)'],
  ['not a == b and c or d', '(((not (a == b)) and c) or d)'],
  ['-a @ b', '((- a) @ b)'],
  ['- -a.T', '(- (- a.T))'],
  ['a and not not b', '(a and (not (not b)))'],
  ['a + -b * c', '(a + ((- b) * c))'],
])('%s groups as %s', (text, expected) => {
  const { file, diagnostics } = parseText(`fn f() { return ${text} }`)
  const last = file.declarations[0]!.body[0]!
  expect(diagnostics).toEqual([])
  expect(last.kind === 'return' && written(last.value)).toBe(expected)
})
