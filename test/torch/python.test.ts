import { describe, expect, test } from 'vitest'
import {
  at,
  attribute,
  className,
  docstring,
  infix,
  LEVEL,
  literalOf,
  parameterPath,
  prefix,
  py,
} from '../../compiler/torch/python.ts'

describe('expressions', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => py(name))
  test('have brackets where the precedence needs them, and nowhere else', () => {
    const sum = infix(a, '+', b, LEVEL.add)
    expect(infix(sum, '*', c, LEVEL.multiply).text).toBe('(a + b) * c')
    expect(infix(c, '-', sum, LEVEL.add).text).toBe('c - (a + b)')
    expect(infix(sum, '-', c, LEVEL.add).text).toBe('a + b - c')
    expect(prefix('-', sum).text).toBe('-(a + b)')
    expect(at(prefix('-', a), LEVEL.primary)).toBe('(-a)')
  })

  test('write numbers as Python does', () => {
    const texts = [1, -0, 0.1, 1e21, 1e-7, Infinity, -Infinity, NaN].map((value) => literalOf(value, true).text)
    expect(texts).toEqual(['1.0', '-0.0', '0.1', '1e+21', '1e-7', 'math.inf', '-math.inf', 'math.nan'])
    expect([literalOf(3, false).text, literalOf(true, false).text]).toEqual(['3', 'True'])
    expect(at(literalOf(-2, false), LEVEL.primary)).toBe('(-2)')
  })
})

describe('names', () => {
  test('that Python or torch has another use for have an underscore', () => {
    expect(['lambda', 'half', 'half_', 'gate', 'gate_'].map(attribute)).toEqual(['lambda_', 'half_', 'half__', 'gate', 'gate_'])
    expect(parameterPath('layers.0.half.type')).toBe('layers.0.half_.type_')
    expect(className('rms_norm')).toBe('RmsNorm')
  })
})

test('a docstring ends where it should, whatever a comment holds', () => {
  expect(docstring('a """ b \\n')).toEqual([`"""a ''' b \\\\n"""`])
  expect(docstring('')).toEqual([])
  const long = docstring('word '.repeat(60).trim())
  expect(long.at(-1)).toBe('"""')
  expect(long.every((line) => line.length <= 115)).toBe(true)
})
