/**
 * Constraints on devices. Beside the reference, decisions are equal and answers near; beside their meaning in plain loops, whole
 * numbers are equal.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { checkSource, framed } from '../support/check.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { planOf } from '../support/graph.ts'
import { feedsOf } from '../support/random.ts'
import { CONSTRAINTS, CORNERS, CORNER_SIZES, type Case, type Sizes } from '../support/routed/cases.ts'
import { wantedOf, wrongIn } from '../support/routed/check.ts'
import { openLayer } from '../support/routed/device.ts'
import { weightsOf } from '../support/routed/layer.ts'
import { KINDS, type Kind } from '../support/routed/tokens.ts'
import { casesOn, ON_DEVICES } from '../support/runs.ts'
import { assertProperty, fuzzSeed, fuzzTimeout } from '../support/property.ts'

const spec = (clauses: string): string => `import { swiglu } from "std/experts/swiglu"

/// Competition when training, a share of the probability otherwise.
policy own(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  when training {
    let s = mean(softplus(experts(x)))
    select top k by s
    weigh softmax(pick(s, selected))
  } else {
    select top k by p
    weigh pick(p, selected)
  }
}

policy share(k: int in 1..E = 3) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  keep cumsum(pick(p, selected)) - pick(p, selected) < 0.4
  weigh pick(p, selected)
}

model m(D: int = 16, F: int = 12, E: int = 6) {
  input x: f32[B, S, D]
  output y = moe(x) {
    experts E of swiglu(F = F)
    ${clauses.replaceAll('; ', '\n    ')}
  }
}
`

const cases: readonly (readonly [string, boolean])[] = [
  ['route own(); require capacity 0.75 overflow drop', false],
  ['route own(); require capacity 1 overflow next', false],
  ['route share(); require capacity 0.75 overflow next', false],
  ['route own(); shared 2 of swiglu(F = F); require capacity 0.5 overflow shared', false],
  ['route own(); require at most 3 tokens an expert', false],
  ['route own(); require groups 3 keep 1; require bias balanced at 0.001', false],
  ['route own(); require expert choice', false],
  ['route share()', false],
  ['route own()', true],
]

const everyKind = Object.keys(KINDS) as Kind[]

/** Adapters compile each kernel they see for the first time. */
const timeout = fuzzTimeout(240_000)

const corners = ['anything', 'none to an expert', 'k = E'] as const
const seed = fuzzSeed()
/** New ones in each run, the same for all constraints: what does not depend on a constraint is compiled once for all of them. */
const sizesOf = Object.fromEntries(
  corners.map((corner) => [corner, fc.sample(CORNER_SIZES[corner], { numRuns: 1, seed })[0]]),
) as Record<(typeof corners)[number], Sizes>

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(casesOn(adapter, cases))(
    '%s, training: %s',
    async (clauses, training) => {
      const { model, diagnostics } = checkSource({ path: 'test/end-to-end/spec.smoe', text: spec(clauses) })
      expect(framed(diagnostics)).toBe('')
      const graph = lower(model!, { routes: true, training })
      const session = await createSession(device, planOf(graph, device.target))
      for (const [dims, seed] of [
        [{ B: 2, S: 9 }, 4],
        [{ B: 1, S: 1 }, 5],
      ] as const) {
        const { inputs, checkpoint, weights } = feedsOf(graph, dims, { seed })
        const expected = evaluate(graph, { inputs, weights })
        await session.loadWeights(memoryCheckpoint(storedAll(checkpoint)))
        const outputs = await session.run(storedAll(inputs))
        expect([...outputs['moe.selected'].data]).toEqual([...expected['moe.selected'].values])
        for (const name of ['moe.weights', 'y'])
          expect(relativeError(outputs[name].data, expected[name].values)).toBeLessThan(1e-5)
      }
      session.dispose()
    },
    timeout,
  )

  /** One layer and every kind of tokens: as many as the case has, one alone, and more than a block. */
  async function holds({ layer, problem: { T: some, seed } }: Case): Promise<void> {
    const weights = weightsOf(layer, seed)
    const on = await openLayer(device, layer, weights, {})
    for (const [T, kinds] of [
      [some, everyKind],
      [1, ['anything', 'ties']],
      [some + 20, ['all tokens to one expert', 'few experts for most tokens']],
    ] as const) {
      for (const kind of kinds) {
        const wanted = wantedOf(layer, weights, { kind, T, seed })
        const wrong = wrongIn(layer, wanted, await on.run(wanted.tokens))
        if (wrong !== null) throw new Error(`${kind}, ${T} tokens: ${wrong}`)
      }
    }
    on.dispose()
  }

  describe.each(casesOn(adapter, Object.entries(CONSTRAINTS)))('%s', (_, rules) => {
    test.each(corners)(
      '%s',
      async (corner) => {
        // each case has kernels of its own, so there is one, and smaller ones are not looked for
        await assertProperty(fc.asyncProperty(CORNERS[corner](rules, fc.constant(sizesOf[corner])), holds), 1, {
          endOnFailure: true,
          seed,
        })
      },
      timeout,
    )
  })
})
