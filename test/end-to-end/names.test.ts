/** Names that mean something elsewhere, in every role that a name can have: none is mistaken for what it is there. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { explainTraining } from '../../cli/explain/train.ts'
import { createReferenceMachine } from '../../cli/training/reference-machine.ts'
import { generateBindings } from '../../compiler/bindings/generate.ts'
import { compile } from '../../compiler/compile.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { compileTraining } from '../../compiler/train.ts'
import { checkPlan } from '../../plan/check.ts'
import { PORTABLE } from '../../plan/target.ts'
import { typeErrors } from '../bindings/type-errors.ts'
import { place } from '../cli/harness.ts'
import { oddNames } from '../support/odd-names.ts'
import { feedsOf } from '../support/random.ts'
import { load } from '../support/sources.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { MORE_IN_LONG, shareOf } from '../support/runs.ts'

type Names = (role: number) => string

/** A spec in which each role has a name of its own: name `at` has another role in each of the specs that follow one another. */
const SPEC = (n: Names): string => `
fn ${n(0)}(${n(1)}: f32[..., ${n(2)}], ${n(3)}: real = 2.0) -> f32[..., ${n(2)}] {
  return ${n(1)} * ${n(3)}
}

block ${n(4)}(${n(5)}: f32[..., ${n(6)}]) -> f32[..., ${n(6)}] {
  param ${n(7)}: f32[${n(6)}]
  return ${n(5)} * ${n(7)}
}

expert ${n(8)}(${n(9)}: f32[${n(10)}, ${n(11)}], ${n(12)}: int in 1..) -> f32[${n(10)}, ${n(11)}] {
  param ${n(13)}: f32[${n(12)}, ${n(11)}]
  param ${n(14)}: f32[${n(11)}, ${n(12)}]
  return ${n(9)} @ ${n(13)}.T @ ${n(14)}.T
}

policy ${n(15)}(${n(16)}: int in 1..E = 1) {
  param ${n(17)}: f32[E, D]
  let ${n(18)} = softmax(x @ ${n(17)}.T)
  select top ${n(16)} by ${n(18)}
  weigh pick(${n(18)}, selected)
  when training {
    loss ${n(19)} = mean(mean(${n(18)} * ${n(18)}))
  }
}

model ${n(20)}(${n(21)}: int = 4, ${n(22)}: int = 2) {
  input ${n(23)}: f32[${n(24)}, ${n(21)}]
  param ${n(25)}: f32[${n(21)}]
  var ${n(26)} = ${n(0)}(${n(23)}) * ${n(25)}
  repeat ${n(27)}[${n(28)}] in 0..${n(22)} {
    ${n(26)} = ${n(4)}(${n(26)}) as ${n(29)}
    ${n(26)} = ${n(26)} + moe(${n(26)}) as ${n(30)} {
      experts 3 of ${n(8)}(${n(12)} = 5)
      route ${n(15)}(${n(16)} = 2)
    }
  }
  output ${n(31)} = ${n(26)}
  train {
    input ${n(32)}: f32[${n(24)}, ${n(21)}]
    loss ${n(33)} = mean(mean((${n(31)} - ${n(32)}) * (${n(31)} - ${n(32)})))
    metric ${n(34)} = mean(mean(${n(31)}))
    optimiser sgd(rate = 0.01)
    batch ${n(24)} = 2
    steps 1
  }
}
`
const ROLES = 35
/** Roles at which the same names stand in one spec; each spec moves on by as many names. */
const STRIDE = 7

const namesAt =
  (first: number): Names =>
  (role) =>
    oddNames[(first + role) % oddNames.length]
// every name stands in each seventh role, beginning at one of the first seven
const specs = Array.from({ length: Math.ceil(oddNames.length / STRIDE) }, (_, at) => ({
  first: at * STRIDE,
  n: namesAt(at * STRIDE),
  text: SPEC(namesAt(at * STRIDE)),
}))

describe('names that mean something elsewhere', () => {
  it('are more than some', () => {
    expect(oddNames.length).toBeGreaterThan(ROLES)
    expect(oddNames).toEqual(
      expect.arrayContaining(['toString', 'constructor', 'hasOwnProperty', 'valueOf', 'class', 'lambda', 'workgroupBarrier']),
    )
  })

  it('check, compile, bind and train in every role', { ...MORE_IN_LONG, timeout: 240_000 }, async () => {
    const bindings: Record<string, string> = {}
    for (const { first, n, text } of shareOf(specs, 3)) {
      const source = { path: `m${first}.smoe`, text }
      const { plan, graph, diagnostics } = compile(source, { load, target: PORTABLE })
      expect(diagnostics, text).toEqual([])
      expect(checkPlan(JSON.parse(JSON.stringify(plan))).problems).toEqual([])
      const { inputs, weights } = feedsOf(graph!, { [n(24)]: 3 })
      const outputs = evaluate(graph!, { inputs, weights })
      expect(Object.keys(outputs)).toEqual([n(31)])
      expect(outputs[n(31)].shape).toEqual([3, 4])
      const { graphs } = compileTraining(source, { load })
      expect(explainTraining(graphs!.recipe)).toContain(n(33))
      expect(createReferenceMachine(graphs!)).toBeDefined()
      bindings[`m${first}.ts`] = generateBindings(plan!, graphs!.recipe)
    }
    expect(typeErrors(bindings)).toEqual([])
  })

  it('run, train and explain on the command line', async () => {
    for (const { n, text } of [specs[0], specs[1], specs[2], specs[3]]) {
      const x = { shape: [24, 4], data: Float32Array.from({ length: 96 }, (_, at) => (at % 17) / 17) }
      const there = place({ 'm.smoe': text, 'd.safetensors': encodeSafetensors({ [n(23)]: x, [n(32)]: x }) })
      for (const stage of ['ast', 'model', 'graph', 'route', 'passes', 'kernels', 'plan', 'train']) {
        const { code, err } = await there.smoe('explain', 'm.smoe', '--stage', stage)
        expect(code, `${stage} of ${text}: ${err}`).toBe(0)
      }
      const trained = await there.smoe('train', 'm.smoe', '--data', 'd.safetensors', '--device', 'reference', '--out', 'r')
      expect(trained.code, `${trained.err}${text}`).toBe(0)
      const weights = join('r', 'checkpoints', 'step-00000001.safetensors')
      const on = ['--weights', weights, '--in', `${n(23)}=d.safetensors`, '--record-routes', 'routes.safetensors'] as const
      const [reference, device] = [
        await there.smoe('run', 'm.smoe', ...on, '--device', 'reference', '--out', 'o.safetensors'),
        await there.smoe(
          'run',
          'm.smoe',
          ...on,
          '--device',
          'cpu',
          '--out',
          'p.safetensors',
          '--compare',
          'o.safetensors',
          '--tolerance',
          '1e-5',
        ),
      ]
      expect(reference.code, reference.err).toBe(0)
      expect(device.code, device.err).toBe(0)
    }
  }, 240_000)
})

it('`__proto__` is no name, and said where it stands', () => {
  const { diagnostics } = compile(
    { path: 'm.smoe', text: 'model m(D: int = 4) {\n  input __proto__: f32[B, D]\n  output y = __proto__ * 2\n}\n' },
    { load, target: PORTABLE },
  )
  expect(diagnostics.map(({ code, span }) => [code, span.start])).toEqual([
    ['SMOE1012', 30],
    ['SMOE1012', 64],
  ])
})
