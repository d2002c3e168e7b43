/**
 * Decisions read back from a device and given to it again: the same bits come out, whatever the policy and however many tokens.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession, type Session } from '../../runtime/session.ts'
import { checkSource, framed } from '../support/check.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { planOf } from '../support/graph.ts'
import { casesOn, ON_DEVICES } from '../support/runs.ts'
import { feedsOf } from '../support/random.ts'

const spec = (clauses: string): string => `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
import { top_p } from "std/policies/top_p"

policy loudest(k: int in 1..E = 2) {
  let s = mean(softplus(experts(x)))
  select top k by s
  weigh softmax(pick(s, selected))
}

model m(D: int = 16, F: int = 12, E: int = 6) {
  input x: f32[B, S, D]
  var h = x
  repeat layers[i] in 0..2 {
    h = h + moe(h) {
      experts E of swiglu(F = F)
      ${clauses.replaceAll('; ', '\n      ')}
    }
  }
  output y = h
}
`

const cases = [
  'route top_k(k = 2); require balanced within 10%',
  'route top_p(p = 0.6)',
  'route loudest()',
  'route loudest(); require at most 3 tokens an expert',
  'route top_k(k = 2); require capacity 1 overflow next',
  'route top_k(k = 2); shared 2 of swiglu(F = F); require capacity 0.75 overflow shared',
  'route top_k(k = 2); require expert choice',
]

const lowered = (clauses: string, options: LowerOptions): Graph => {
  const { model, diagnostics } = checkSource({ path: 'test/end-to-end/spec.smoe', text: spec(clauses) })
  expect(framed(diagnostics)).toBe('')
  return lower(model!, options)
}

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(casesOn(adapter, cases))(
    '%s',
    async (clauses) => {
      const graphs = [lowered(clauses, {}), lowered(clauses, { routes: true }), lowered(clauses, { routes: 'replayed' })]
      const sessions: Session[] = []
      for (const graph of graphs) sessions.push(await createSession(device, planOf(graph, device.target)))
      const [plain, recording, replaying] = sessions
      for (const [dims, seed] of [
        [{ B: 2, S: 9 }, 4],
        [{ B: 1, S: 2 }, 5],
      ] as const) {
        const { inputs, checkpoint } = feedsOf(graphs[1], dims, { seed })
        for (const session of sessions) await session.loadWeights(memoryCheckpoint(storedAll(checkpoint)), { allowExtra: true })
        const own = storedAll(inputs)
        const { y, ...decided } = await recording.run(own)
        expect(y.data).toEqual((await plain.run(own)).y.data)
        expect(y.data).toEqual((await replaying.run({ ...own, ...decided })).y.data)
      }
      for (const session of sessions) session.dispose()
    },
    timeout,
  )
})

test('what is required of a load is read back without a dispatch of its own', async () => {
  const device = await open('cpu')
  const steps = (options: LowerOptions): readonly number[] =>
    planOf(lowered(cases[0], options), device.target).programs.map((program) => program.steps.length)
  expect(steps({ routes: 'required' })).toEqual(steps({}))
  device.dispose()
})
