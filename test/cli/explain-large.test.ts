import { expect, test } from 'vitest'
import { outlineModel } from '../../cli/explain/model.ts'
import { checkSource, framed } from '../support/check.ts'

test('a model of 5,000 values is outlined, whatever the depth', () => {
  const lets = Array.from({ length: 5000 }, (_, at) => `  let a${at + 1} = a${at} + 1\n`).join('')
  const { model, diagnostics } = checkSource({
    path: 'test/cli/large.smoe',
    text: `model m(D: int = 4) {\n  input x: f32[B, D]\n  let a0 = x + 1\n${lets}  output y = a5000\n}\n`,
  })
  expect(framed(diagnostics)).toBe('')
  expect(outlineModel(model!)).toContain('a5000')
}, 60_000)
