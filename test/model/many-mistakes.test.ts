/**
 * Texts with thousands of mistakes: the first are shown, the others are counted, and none is searched a suggestion for in vain.
 */
import { expect, it } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import { maximumDiagnostics } from '../../grammar/report.ts'
import { parse } from '../../grammar/parse.ts'
import { load } from '../support/sources.ts'

const lines = (make: (i: number) => string): string => Array.from({ length: 3000 }, (_, i) => make(i)).join('\n')
const model = (body: string): string => `model m(D: int = 8) {\n  input x: f32[B, D]\n${body}\n  output y = x\n}\n`

const texts: Readonly<Record<string, string>> = {
  'unknown names': model(lines((i) => `  let a${i} = x + unknown_name${i}`)),
  'unknown functions': model(lines((i) => `  let a${i} = unknown_function${i}(x)`)),
  'paths of weights': model(`${lines((i) => `  param w${i}: f32[D]`)}\n  weights {\n${lines((i) => `    v${i} = "t"`)}\n  }`),
  forms: model(lines((i) => `  let a${i} = x + + ${i}`)),
  imports: `${lines((i) => `import { nope${i} } from "std/policies/top_k"`)}\n${model('')}`,
}

it.each(Object.keys(texts))('%s', (what) => {
  const start = performance.now()
  const { file, diagnostics: forms } = parse({ path: 'm.smoe', text: texts[what] })
  const found = [...forms, ...check(file, { load, most: maximumDiagnostics - forms.length }).diagnostics]
  // it took 8 to 22 s while every mistake looked for what was meant
  expect(performance.now() - start).toBeLessThan(5000)
  expect(found).toHaveLength(maximumDiagnostics)
  expect(found.filter(({ code }) => code === 'SMOE1017').map(({ message }) => message)).toEqual([
    '2801 more mistakes are not shown',
  ])
})
