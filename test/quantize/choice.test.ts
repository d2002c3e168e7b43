import { expect, test } from 'vitest'
import { checkUsed, choiceFor, parseChoices } from '../../cli/quantize/choice.ts'

const parsed = parseChoices('# formats\nlayers.*.moe.experts = int8\r\n\n layers.0.moe.experts.3=keep # one\nhead = int4', 'file')

test('lines are a path and a format, with comments and blanks around', () => {
  expect(parsed.map(({ number, pattern, format }) => [number, pattern.join('.'), format])).toEqual([
    [2, 'layers.*.moe.experts', 'int8'],
    [4, 'layers.0.moe.experts.3', null],
    [5, 'head', 'int4'],
  ])
})

test('the last line whose path a weight begins with counts, by whole names', () => {
  const of = (path: string): number | undefined => choiceFor(parsed, path)?.number
  expect(of('layers.1.moe.experts.3.gate')).toBe(2)
  expect(of('layers.0.moe.experts.3.gate')).toBe(4)
  expect(of('layers.0.moe.experts.30.gate')).toBe(2)
  expect(of('layers.0.moe.router.gate')).toBeUndefined()
  expect(of('header')).toBeUndefined()
  expect(of('layers.0.moe')).toBeUndefined()
})

test('a line that is none, a format that is none and a line for nothing are refused with their number', () => {
  for (const text of ['layers.0', 'layers..0 = int4', '= int4', 'layers.0 = int4 int8', 'a b = int4'])
    expect(() => parseChoices(`\n${text}`, 'file'), text).toThrow(/^file:2: '.*' is not PATH = FORMAT$/)
  expect(() => parseChoices('head = int3', 'file')).toThrow("file:1: 'int3' is none of bf16, int8, int4, mxfp4, fp8, keep")
  expect(() => checkUsed(parsed, ['head', 'layers.0.moe.experts.3.up'], 'file')).not.toThrow()
  expect(() => checkUsed(parsed, ['layers.0.moe.experts.3.up'], 'file')).toThrow(
    "file:5: no weight has a path that begins with 'head'",
  )
})
