/** Every diagnostic of the checker: its example brings it about, alone. */
import { expect, test } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import { codes } from '../../grammar/codes.ts'
import { parse } from '../../grammar/parse.ts'
import { load } from '../support/sources.ts'

const told = (text: string): readonly string[] => {
  const { file, diagnostics } = parse({ path: 'test/model/example.smoe', text })
  return [...diagnostics, ...check(file, { load }).diagnostics].map(({ code }) => code)
}

const isOfChecker = (code: string): boolean => /^SMOE[2-5]/.test(code)

test.each(Object.entries(codes).filter(([code, { example }]) => isOfChecker(code) && !example.startsWith('//')))(
  '%s',
  (code, { example }) => {
    expect(new Set(told(example))).toEqual(new Set([code]))
  },
)
