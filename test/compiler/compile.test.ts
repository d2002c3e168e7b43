import { describe, expect, it } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { codes } from '../../grammar/codes.ts'
import { PORTABLE } from '../../plan/target.ts'
import { checkPlan } from '../../plan/check.ts'
import { load, read, root } from '../support/sources.ts'

const compileText = (text: string) => compile({ path: 'example.smoe', text }, { load, target: PORTABLE })

describe('compile', () => {
  it.each(['SMOE6001', 'SMOE6002'] as const)('reports a limit of the target: %s', (code) => {
    const { diagnostics, plan } = compileText(codes[code].example)
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code])
    expect(plan).toBeNull()
  })

  it('gives the same plan for the same text, byte for byte, and one that the plan checker accepts', () => {
    const source = read(`${root}examples/01-first-routed-layer.smoe`)
    const [first, again] = [0, 1].map(() => compile(source, { load, target: PORTABLE }).plan)
    expect(JSON.stringify(first)).toBe(JSON.stringify(again))
    expect(checkPlan(JSON.parse(JSON.stringify(first))).problems).toEqual([])
  })

  it('stops at the first stage with errors, and says all of them', () => {
    const { diagnostics, model, graph, plan } = compileText(
      'model m() {\n  input x: f32[N]\n  output y = nothing(x) + nowhere\n}\n',
    )
    expect(diagnostics).toHaveLength(2)
    expect([model, graph, plan]).toEqual([null, null, null])
  })
})
