/**
 * A policy that is in no paper, in a file of its own, whose experts keep office hours: the rule is its own, the limit the
 * model's.
 */
import { expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { folderOf } from '../support/folder.ts'
import { besideOracle, expectSameRoutes } from '../support/oracle.ts'
import { feedsOf } from '../support/random.ts'
import { read } from '../support/sources.ts'

const policy = `/// Tokens come by turns. An expert is out on every \`rest\`-th turn, each on another; who chose it then goes without.
policy hours(k: int in 1..E = 2, rest: int in 2..E = 3) {
  assert E % rest == 0, "every turn has as many experts at rest"
  param door: f32[E, D]
  let p = sigmoid(x @ door.T)
  select top k by p
  let turn = reshape(iota(T), [T, 1])
  keep (turn + selected) % rest != 0
  weigh pick(p, selected)
}
`

const model = (limit: string): string => `import { hours } from "./hours"

expert linear(x: f32[T, D]) -> f32[T, D] {
  param matrix: f32[D, D]
  return x @ matrix.T
}

model office(D: int = 5, E: int = 6, k: int in 1..E = 3) {
  input hidden: f32[T, D]
  output out: f32[T, D] = moe(hidden) {
    experts E of linear()
    route hours(k = k)
    require ${limit}
  }
}
`

const at = folderOf({
  'hours.smoe': policy,
  'office.smoe': model('at most 7 tokens an expert'),
  'strict.smoe': model('dropless'),
})

const [EXPERTS, CHOSEN, REST, MOST, TOKENS] = [6, 3, 3, 7, 40]

/** Lowered with what it decides. */
function office() {
  const { model: checked, diagnostics } = checkSource(read(at('office.smoe')))
  expect(framed(diagnostics)).toBe('')
  return lower(checked!, { routes: true })
}

/** The same in plain words of TypeScript: first choices of all tokens are served before second ones. */
function expected(hidden: HostTensor, door: HostTensor): readonly (readonly number[])[] {
  const score = (t: number, e: number): number =>
    hidden.values.subarray(t * 5, t * 5 + 5).reduce((sum, value, i) => sum + value * door.values[e * 5 + i], 0)
  const ranked = Array.from({ length: TOKENS }, (_, t) =>
    Array.from({ length: EXPERTS }, (_, e) => e)
      .sort((a, b) => score(t, b) - score(t, a) || a - b)
      .slice(0, CHOSEN),
  )
  const served = Array.from({ length: EXPERTS }, () => 0)
  const slots = ranked.map((row) => row.map(() => -1))
  for (let slot = 0; slot < CHOSEN; slot++) {
    ranked.forEach((row, t) => {
      const expert = row[slot]
      if ((t + expert) % REST !== 0 && served[expert]++ < MOST) slots[t][slot] = expert
    })
  }
  return slots
}

test('who is at rest or full does not answer', () => {
  const graph = office()
  const feeds = feedsOf(graph, { T: TOKENS })
  const outputs = evaluate(graph, feeds)
  const slots = expected(feeds.inputs.hidden, feeds.weights['moe.router.door'])
  expect([...outputs['moe.selected'].values]).toEqual(slots.flat())
  const counts = Array.from({ length: EXPERTS }, (_, e) => slots.flat().filter((expert) => expert === e).length)
  expect(Math.max(...counts)).toBe(MOST)
  expect(counts.reduce((sum, count) => sum + count) + slots.flat().filter((expert) => expert < 0).length).toBe(TOKENS * CHOSEN)
  outputs['moe.weights'].values.forEach((weight, i) => expect(weight > 0).toBe(slots.flat()[i] >= 0))
})

test('what contradicts the rule is refused', () => {
  const { diagnostics } = checkSource(read(at('strict.smoe')))
  expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
    ['SMOE4004', 'hours keeps only some of the experts it selects'],
  ])
  const uneven = checkSource(read(at('office.smoe')), { set: { E: 7 } })
  expect(uneven.diagnostics.map(({ code }) => code)).toEqual(['SMOE4002'])
})

test.each(await softwareDevices())('it runs on %s as it stands', { ...ON_DEVICES, timeout: 240_000 }, async (name) => {
  const graph = office()
  const device = await open(name)
  const runs = await besideOracle(device, graph, feedsOf(graph, { T: TOKENS }), feedsOf(graph, { T: 1 }))
  device.dispose()
  for (const run of runs) expectSameRoutes(run, 'out')
})
