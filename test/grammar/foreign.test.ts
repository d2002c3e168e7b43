/** Forms of other languages: one diagnostic that says what to write, and a change where no other reading is possible. */
import { expect, test } from 'vitest'
import { parseText } from './helpers.ts'

const inFn = (...lines: readonly string[]): string =>
  `fn f(x: f32[N, D], y: f32[N, D], k: int) -> f32[N, D] {\n${lines.map((line) => `  ${line}\n`).join('')}  return x\n}\n`

interface Row {
  readonly text: string
  readonly code: string
  readonly message?: string
  readonly help: string
  /** What the fix makes of the line; absent where there is none. */
  readonly fixed?: string
}

const value = (expression: string, code: string, help: string, more: Partial<Row> = {}): Row => ({
  text: inFn(`let z = ${expression}`),
  code,
  help,
  ...more,
})
const line = (statement: string, help: string, fixed?: string): Row => ({
  text: inFn('var z = x', statement),
  code: 'SMOE1011',
  help,
  ...(fixed === undefined ? {} : { fixed }),
})

const rows: readonly Row[] = [
  // methods
  value('x.sum()', 'SMOE1001', '`sum(x)`', { message: 'values have no methods like `.sum(...)`' }),
  value('x.T.sum()', 'SMOE1001', '`sum(x.T)`'),
  value('x.softmax(axis = -1)', 'SMOE1001', '`softmax(x, axis = -1)`'),
  value('(x + y).softmax()', 'SMOE1001', '`softmax(x + y)`'),
  value('((x) + (y)).softmax()', 'SMOE1001', '`softmax((x) + (y))`'),
  value('sum(x).relu()', 'SMOE1001', '`relu(sum(x))`'),
  value('x[0, 1:].exp()', 'SMOE1001', '`exp(x[0, 1:])`'),
  value('x.reshape([N, D])', 'SMOE1001', '`reshape(x, [N, D])`'),
  value('y + x.sum() * 2', 'SMOE1001', '`sum(x)`'),
  value('(x * 2.0 + y * 3.0 - x * 4.0 / y * 5.0).sum()', 'SMOE1001', '`sum(...)`'),
  value('x.view(-1)', 'SMOE1001', '`reshape(x, [A, B])`'),
  value('x.size(0)', 'SMOE1001', 'sizes are dims'),
  value('x.shape[0]', 'SMOE1001', 'sizes are dims'),
  value('x.transpose(0, 1)', 'SMOE1001', '`x.T`'),
  value('x.detach()', 'SMOE1001', '`stop(x)`'),
  value('torch.softmax(x)', 'SMOE1001', 'by its name: `softmax(x)`'),
  value('torch.nn.functional.relu(x)', 'SMOE1001', 'by its name: `relu(x)`'),
  // signs
  value('x ** 2', 'SMOE1013', '`pow(a, b)`', { message: '`**` is not an operator here' }),
  value('x ** -y', 'SMOE1013', '`pow(a, b)`'),
  value('x ^ 2', 'SMOE1013', '`pow(a, b)`'),
  value('x & y', 'SMOE1013', '', { fixed: 'let z = x and y' }),
  value('~x', 'SMOE1013', '', { fixed: 'let z = not x' }),
  value('x <> y', 'SMOE1013', '', { fixed: 'let z = x != y' }),
  value('x | y', 'SMOE1001', '`a or b`', { fixed: 'let z = x or y' }),
  value('k > 0 ? x : y', 'SMOE1002', '`if c then a else b`'),
  // values
  value('(x, y)', 'SMOE1001', 'there are no tuples', { message: 'expected one value, not several' }),
  { text: inFn('let a, b = x'), code: 'SMOE1001', help: 'there are no tuples' },
  { text: inFn('return x, y'), code: 'SMOE1001', help: 'there are no tuples' },
  value('lambda a: a + 1', 'SMOE1001', 'there are no anonymous functions'),
  value('(a) => a + 1', 'SMOE1001', 'there are no anonymous functions', { message: 'there are no anonymous functions' }),
  value('a => a + 1', 'SMOE1001', 'there are no anonymous functions'),
  value('fn(a)', 'SMOE1001', 'there are no anonymous functions'),
  { text: 'fn f(x: f32[N]) => f32[N] {\n  return x\n}', code: 'SMOE1013', help: '', fixed: 'fn f(x: f32[N]) -> f32[N] {' },
  // choices
  value('if k > 1 then x elif k > 0 then y else x', 'SMOE1001', 'else if', {
    fixed: 'let z = if k > 1 then x else if k > 0 then y else x',
  }),
  value('if k > 1 then x elseif k > 0 then y else x', 'SMOE1001', 'else if', {
    fixed: 'let z = if k > 1 then x else if k > 0 then y else x',
  }),
  value('x if k > 1 else y', 'SMOE1001', '`if c then a else b`'),
  value('exp(x if k > 1 else y)', 'SMOE1001', '`if c then a else b`'),
  {
    text: inFn('let z = x', 'if k > 1 {', '  let y = x', '} else {', '  let y = z', '}'),
    code: 'SMOE1011',
    help: '`if c then a else b`',
  },
  // statements
  { text: inFn('let z := x'), code: 'SMOE1001', help: 'write `=`', fixed: 'let z = x' },
  { text: inFn('let z == x'), code: 'SMOE1001', help: 'write `=`', fixed: 'let z = x' },
  { text: inFn('let z = sum(x, axis := 1)'), code: 'SMOE1001', help: 'write `=`', fixed: 'let z = sum(x, axis = 1)' },
  line('z := x', '`let z = x`', 'z = x'),
  line('z == x', 'write `=`', 'z = x'),
  line('z++', '`z = z + 1`', 'z = z + 1'),
  line('z--', '`z = z - 1`', 'z = z - 1'),
  line('z += y', '`z = z + ...`', 'z = z + y'),
  line('z *= exp(y)', '`z = z * ...`', 'z = z * exp(y)'),
  line('z *= y + 1', '`z = z * (...)`'),
  line('z -= if k > 0 then x else y', '`z = z - (...)`'),
  line('for i in 0..4 {\n    let a = x\n  }', '`repeat layers[i] in 0..N { ... }`'),
  line('while k > 0 {\n    let a = x\n  }', '`repeat layers[i] in 0..N { ... }`'),
  line('elif k > 0 {\n  }', '`if c then a else b`'),
  line('const a = x', '`let`', 'let a = x'),
  line('def g(a) {\n  }', 'declare functions outside of bodies'),
  line('print(z)', '`output`'),
  // declarations
  ...['def', 'function', 'func'].map((word): Row => ({
    text: `${word} f(x: f32[N]) -> f32[N] {\n  return x\n}`,
    code: 'SMOE1010',
    help: '`fn`',
    fixed: 'fn f(x: f32[N]) -> f32[N] {',
  })),
  { text: 'class f(x: f32[N]) -> f32[N] {\n  return x\n}', code: 'SMOE1010', help: '`expert`' },
  { text: 'let a = 1', code: 'SMOE1010', help: 'in the body of a declaration' },
  // comments, strings, ends of statements
  { text: inFn('# a comment'), code: 'SMOE1013', help: '', message: 'comments begin with `//`', fixed: '// a comment' },
  {
    text: "import { top_k } from 'std/policies/top_k'",
    code: 'SMOE1013',
    help: '',
    message: 'write strings with `"`',
    fixed: 'import { top_k } from "std/policies/top_k"',
  },
  { text: inFn('let z = x;'), code: 'SMOE1013', help: '', message: 'need no `;`', fixed: 'let z = x' },
]

test.each(rows)('$text', ({ text, code, message = '', help, fixed }) => {
  const [first, ...others] = parseText(text).diagnostics
  expect(others.map((one) => one.message)).toEqual([])
  expect(first).toMatchObject({ code })
  expect(first.message).toContain(message)
  expect(first.help ?? '').toContain(help)
  if (fixed === undefined) return expect(first.fix).toBeNull()
  const { span, replacement } = first.fix!
  const mended = text.slice(0, span.start) + replacement + text.slice(span.end)
  expect(mended.split('\n').map((one) => one.trim())).toContain(fixed)
  expect(parseText(mended).diagnostics).toEqual([])
})

test('the words are names where names stand', () => {
  const words = ['for', 'while', 'def', 'class', 'elif', 'lambda', 'const', 'print', 'match', 'torch']
  expect(
    parseText(inFn(...words.map((word) => `var ${word} = x`), ...words.map((word) => `${word} = ${word} + 1`))).diagnostics,
  ).toEqual([])
})

test('subtracting a negative number twice is no decrement', () => {
  expect(parseText(inFn('let z = k --1', 'let a = x - -y')).diagnostics).toEqual([])
})
