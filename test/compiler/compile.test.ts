import { describe, expect, it } from 'vitest'
import { compile, compileFrom, compileToGraph } from '../../compiler/compile.ts'
import { codes } from '../../grammar/codes.ts'
import { PORTABLE } from '../../plan/target.ts'
import { checkPlan } from '../../plan/check.ts'
import { kernelCode } from '../../plan/plan.ts'
import { bindDims } from '../../runtime/dims.ts'
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

  it.each([
    ['decode', 3],
    ['prefill', 70],
  ])('compiles %s alone for runs of known dims', (name, S) => {
    const source = read(`${root}examples/01-first-routed-layer.smoe`)
    const whole = compile(source, { load, target: PORTABLE })
    const all = whole.plan!
    const { plan, programs } = compileFrom(compileToGraph(source, { load, target: PORTABLE }), whole.graph!, PORTABLE, {
      dims: { B: 1, S },
    })
    expect(checkPlan(JSON.parse(JSON.stringify(plan))).problems).toEqual([])
    expect(programs.map((program) => program.name)).toEqual([...(all.once === null ? [] : ['once']), name])
    const [codesOfAll, codes] = [all, plan!].map(({ kernels }) => new Set(kernels.map(kernelCode)))
    expect([...codes].filter((code) => !codesOfAll.has(code))).toEqual([])
    expect(codes.size).toBeLessThan(codesOfAll.size)
    const inputs = (length: number) => ({ tokens: { shape: [1, length], data: new Int32Array(length) } })
    expect(bindDims(plan!, inputs(S))).toEqual({ B: 1, S })
    if (name === 'decode')
      expect(() => bindDims(plan!, inputs(70))).toThrow('compiled for decode, B*S up to 8, with B = 1, S = 70')
    else expect(bindDims(plan!, inputs(3))).toEqual({ B: 1, S: 3 })
  })
})
