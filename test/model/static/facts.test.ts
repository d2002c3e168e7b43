/** What asserts say of sizes: which bodies they make right, and what near misses are told. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { remember, stepsIn, type Quotient } from '../../../compiler/model/static/exact.ts'
import { add, dim, evaluate, floorDivide, multiply, symbol } from '../../../plan/dim.ts'
import { checkSource } from '../../support/check.ts'
import { assertProperty } from '../../support/property.ts'

const diagnosticsOf = (text: string) => checkSource({ path: 'test/model/facts.smoe', text }).diagnostics
const block = (result: string, ...lines: readonly string[]): string =>
  `block b(x: f32[T, C], y: f32[T, D], n: int in 1.. = 2) -> f32[T, ${result}] {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`
const told = (...given: Parameters<typeof block>): readonly string[] => diagnosticsOf(block(...given)).map(({ code }) => code)

describe('an assert makes sizes equal', () => {
  test.each([
    ['C / 2', 'assert C % 2 == 0', 'return x[:, ::2]'],
    ['C / 2', 'assert 0 == C % 2, "even"', 'return x[:, ::2] + x[:, 1::2]'],
    ['C', 'assert C % 2 == 0', 'return concat([x[:, ::2], x[:, 1::2]], axis = 1)'],
    ['C / 3', 'assert C % 3 == 0', 'return x[:, ::3] + x[:, 1::3] + x[:, 2::3]'],
    ['C / 2', 'assert C % 4 == 0', 'return x[:, ::2]'],
    ['C / 4', 'assert C % 4 == 0', 'let half = x[:, ::2]', 'return half[:, 1::2]'],
    ['C / 4', 'assert C % 2 == 0', 'assert C / 2 % 2 == 0', 'let half = x[:, ::2]', 'return half[:, 1::2]'],
    [
      'C / 2',
      'let half = C / 2',
      'assert C % 4 == 0',
      'return x[:, ::2] + x[:, 0:half] + concat([x[:, ::4], x[:, 3::4]], axis = 1)',
    ],
    ['C / n', 'assert C % n == 0', 'return x[:, 0:C / n]'],
    ['C / 2', 'assert C % 2 == 0 and n > 1', 'return x[:, ::2]'],
    ['(C + D) / 2', 'assert C % 2 == 0 and D % 2 == 0', 'return concat([x, y], axis = 1)[:, ::2]'],
    ['C', 'assert C == D', 'return x + y'],
    ['C', 'assert n * D == C', 'return x + concat([y, y], axis = 1)[:, 0:n * D]'],
    ['D', 'assert D == n * C', 'return rearrange(broadcast(reshape(x, [T, 1, C]), [T, n, C]), "t n c -> t (n c)") + y'],
  ])('f32[T, %s]: %s', (result, ...lines) => {
    expect(diagnosticsOf(block(result, ...lines)).map(({ message }) => message)).toEqual([])
  })

  test.each([
    ['C / 2', 'assert C % 3 == 0', 'return x[:, ::2]'],
    ['C / 2', 'assert C % 2 == 1', 'return x[:, ::2]'],
    ['C / 2', 'assert C % 2 == 0 or n > 1', 'return x[:, ::2]'],
    ['C / 2', 'assert D % 2 == 0', 'return x[:, ::2]'],
    ['C / 4', 'assert C % 2 == 0', 'return x[:, ::4]'],
    ['C', 'assert C <= D', 'return x + y'],
    ['C / 2', 'return x[:, ::2]'],
  ])('and no others: f32[T, %s]: %s', (result, ...lines) => {
    expect(told(result, ...lines).length).toBe(1)
  })
})

describe('a near miss is told which assert it lacks', () => {
  const helps = (text: string): readonly (string | null)[] => diagnosticsOf(text).map(({ help }) => help)
  const help = (size: string, step: number): string =>
    `with \`assert ${size} % ${step} == 0\` a slice with step ${step} has the size ${size} / ${step}`

  test('where a result, an operand or an argument does not fit', () => {
    expect(helps(block('C / 2', 'return x[:, ::2]'))).toEqual([help('C', 2)])
    expect(helps(block('C / 2', 'return x[:, 0:D] + x[:, 1::2]'))).toEqual([help('C', 2)])
    const pairs = 'fn pairs(a: f32[T, C], b: f32[T, C]) -> f32[T, C] {\n  return a + b\n}\n'
    expect(helps(`${pairs}${block('C / 2', 'return pairs(x[:, ::2], x[:, 1::2])')}`)).toEqual([help('C', 2)])
    expect(helps(block('C / 4', 'return x[:, 0:C / 2][:, ::2]'))).toEqual([help('(C / 2)', 2)])
  })
  test('not where only a run knows the size, and nothing can be asserted', () => {
    expect(helps('model m() {\n  input x: f32[N]\n  output y = x[::2] + x[1::2]\n}\n')).toEqual([null])
  })
})

test('an assert that does not hold is told, and the sizes too', () => {
  const text = `${block('C / 2', 'assert C % 2 == 0, "even"', 'return x[:, ::2]')}model m(C: int = 5) {\n  input x: f32[T, C]\n  output y = b(x, x)\n}\n`
  expect(diagnosticsOf(text)[0]).toMatchObject({ code: 'SMOE4002', message: 'b: even: C % 2 == 0 does not hold' })
})

test('a model may use what its own asserts say, at every turn of a loop', () => {
  const text =
    'model m(C: int = 8) {\n  input x: f32[T, C]\n  assert C % 2 == 0\n  var h = x\n  repeat layers[i] in 0..3 {\n    assert C % (i + 1) >= 0\n' +
    '    h = concat([h[:, 1::2], h[:, ::2]], axis = 1)\n  }\n  output y: f32[T, C] = h\n}\n'
  expect(diagnosticsOf(text)).toEqual([])
})

test('steps are counted as numbers would count them', () => {
  const [c, d] = [symbol('C'), symbol('D')]
  const small = fc.integer({ min: 1, max: 6 })
  assertProperty(
    fc.property(
      small,
      small,
      small,
      fc.integer({ min: -12, max: 12 }),
      small,
      small,
      (divisor, step, times, constant, cTimes, dValue) => {
        const quotients: Quotient[] = []
        if (divisor > 1) remember({ numerator: c, divisor: dim(divisor), quotient: floorDivide(c, divisor) }, quotients)
        const values = { C: cTimes * divisor, D: dValue }
        const places = add(add(multiply(times, c), d), constant)
        expect(evaluate(stepsIn(places, step, quotients), values)).toBe(Math.ceil(evaluate(places, values) / step) + 0)
      },
    ),
  )
})
