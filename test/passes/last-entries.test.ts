/** The last entry of an output alone: what is not computed, what stays whole, and that the values are those of before. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../../plan/arguments.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { print } from '../../compiler/graph/print.ts'
import { verify } from '../../compiler/graph/verify.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { keepLastEntries } from '../../compiler/passes/last-entries.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { assertProperty } from '../support/property.ts'
import { sameBits, samples } from '../support/random-graph.ts'

const graphOf = (lines: readonly string[]) => parse(`graph "g"\ndim S\n${lines.join('\n')}\n`, createBuilder().make)

const narrowedText = (lines: readonly string[], last: Readonly<Record<string, number>>): readonly string[] => {
  const after = keepLastEntries(graphOf(lines), last)
  expect(verify(after, specOf('source'))).toEqual([])
  return print(after).split('\n').slice(2, -1)
}

const HEAD = [
  '%0 = input name "x" : f32[2, S, 4]',
  '%1 = multiply(%0, %0) : f32[2, S, 4]',
  '%2 = sum(%1) axis 2 : f32[2, S]',
  '%3 = reshape(%2) : f32[2, S, 1]',
  '%4 = rsqrt(%3) : f32[2, S, 1]',
  '%5 = reshape(%4) : f32[2, S]',
  '%6 = broadcast(%5) axes [0, 1] : f32[2, S, 4]',
  '%7 = multiply(%0, %6) : f32[2, S, 4]',
  '%8 = input name "head" : f32[9, 4]',
  '%9 = contract(%7, %8) batch [] over [[2, 1]] : f32[2, S, 9]',
]

describe('demand', () => {
  it('goes through a norm and a head', () => {
    expect(narrowedText([...HEAD, 'output "logits" = %9'], { logits: 1 })).toEqual([
      '%0 = input name "x" : f32[2, S, 4]',
      '%1 = input name "head" : f32[9, 4]',
      '%2 = slice(%0) starts [0, S + -1, 0] steps [1, 1, 1] : f32[2, 1, 4]',
      '%3 = multiply(%2, %2) : f32[2, 1, 4]',
      '%4 = sum(%3) axis 2 : f32[2, 1]',
      '%5 = reshape(%4) : f32[2, 1, 1]',
      '%6 = rsqrt(%5) : f32[2, 1, 1]',
      '%7 = reshape(%6) : f32[2, 1]',
      '%8 = broadcast(%7) axes [0, 1] : f32[2, 1, 4]',
      '%9 = multiply(%2, %8) : f32[2, 1, 4]',
      '%10 = contract(%9, %1) batch [] over [[2, 1]] : f32[2, 1, 9]',
      'output "logits" = %10',
    ])
  })

  it('ends where something else wants the value whole', () => {
    const text = narrowedText([...HEAD, 'output "logits" = %9', 'output "hidden" = %7'], { logits: 1 })
    expect(text.filter((line) => line.includes('slice('))).toEqual([
      '%9 = slice(%8) starts [0, S + -1, 0] steps [1, 1, 1] : f32[2, 1, 4]',
    ])
    expect(text.at(-1)).toBe('output "hidden" = %8')
  })

  it.each([
    ['a sum over the entries', ['%1 = sum(%0) axis 0 : f32[4]', '%2 = broadcast(%1) axes [1] : f32[S, 4]'], '%2', []],
    ['an op along the axis', ['%1 = concat(%0, %0) axis 0 : f32[2*S, 4]'], '%1', ['slice(%1) starts [2*S + -1, 0]']],
    ['a reshape of it', ['%1 = reshape(%0) : f32[4*S]'], '%1', ['slice(%1) starts [4*S + -1]']],
    ['a part of it', ['%1 = slice(%0) starts [1, 0] steps [1, 1] : f32[S + -1, 4]'], '%1', ['slice(%0)', 'slice(%1)']],
  ])('ends at %s', (_, lines, out, slices) => {
    const text = narrowedText(['%0 = input name "x" : f32[S, 4]', ...lines, `output "y" = ${out}`], { y: 0 })
    const found = text.filter((line) => line.includes('slice('))
    expect(found).toHaveLength(slices.length)
    found.forEach((line, at) => expect(line).toContain(slices[at]))
  })

  it('slices an output that is computed whole', () => {
    expect(narrowedText(['%0 = input name "x" : f32[S, 4]', 'output "y" = %0', 'output "z" = %0'], { y: 0 })).toEqual([
      '%0 = input name "x" : f32[S, 4]',
      '%1 = slice(%0) starts [S + -1, 0] steps [1, 1] : f32[1, 4]',
      'output "y" = %1',
      'output "z" = %0',
    ])
  })
})

it.each([
  [{ hidden: 1 }, 'options.last.hidden is not among the outputs: logits'],
  [{ logits: 3 }, 'options.last.logits is 3, and the output has 3 axes'],
])('%o is refused', (last, message) => {
  const wrong = (): unknown => keepLastEntries(graphOf([...HEAD, 'output "logits" = %9']), last)
  expect(wrong).toThrow(ArgumentError)
  expect(wrong).toThrow(message)
})

/** The last entry of a tensor along an axis. */
function lastOf({ shape, dtype, values }: HostTensor, axis: number): HostTensor {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const kept = values.filter((_, at) => Math.floor(at / inner) % shape[axis] === shape[axis] - 1)
  return hostTensor(shape.with(axis, 1), dtype, kept)
}

it('keeps every bit that the reference computes', () => {
  assertProperty(
    fc.property(samples(), fc.nat(), fc.nat(), ({ graph, feeds }, one, way) => {
      const before = evaluate(graph, feeds)
      const { name } = graph.outputs[one % graph.outputs.length]
      const { shape } = before[name]
      fc.pre(shape.length > 0)
      const axis = way % shape.length
      fc.pre(shape[axis] > 0)
      const after = keepLastEntries(graph, { [name]: axis })
      const values = evaluate(after, feeds)
      for (const output of graph.outputs) {
        const wanted = output.name === name ? lastOf(before[name], axis) : before[output.name]
        if (!sameBits(wanted, values[output.name])) throw new Error(`${output.name} differs`)
      }
    }),
    300,
  )
})
