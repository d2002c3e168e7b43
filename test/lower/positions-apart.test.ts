/** What is refused where runs continue sequences, and that what is accepted gives the numbers of the whole there. */
import { expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { mixedPositions } from '../../compiler/lower/positions-apart.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { evaluateOn } from '../../compiler/reference/replace.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { PAST_TOKENS } from '../../plan/state-inputs.ts'
import { layers } from '../std/policies.ts'
import type { Layer } from '../std/layer.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf, floats, uniform } from '../support/random.ts'
import { MORE_IN_LONG, shareOf } from '../support/runs.ts'
import { weightsOf } from '../support/weights.ts'

const [WIDTH, LENGTH, FIRST] = [8, 7, 3]

function modelOf(text: string, longest: number | undefined) {
  const { model, diagnostics } = checkSource({ path: 'apart.smoe', text }, { longest })
  if (model === null) throw new Error(framed(diagnostics))
  return { model, graph: lower(model, longest === undefined ? {} : { state: { sequences: 1, longest } }) }
}

const mixedIn = (text: string): string | null => {
  const { model, graph } = modelOf(text, LENGTH)
  return mixedPositions(graph, model.sequences.positions)?.what ?? null
}

/** Attention, then y of its result h. */
const after = (body: string, imports = ''): string => `${imports}
import { attention } from "std/blocks/attention"
model m() {
  input x: f32[B, S, ${WIDTH}]
  let h = attention(x, heads = 2) as attention
${body}
}`

const routed = ({ file, route, requires }: Layer): string =>
  after(
    `  output y = moe(h) {\n    experts 8 of swiglu(F = 4)\n    route ${route}\n${(requires ?? []).map((one) => `    require ${one}\n`).join('')}  }`,
    `import { swiglu } from "std/experts/swiglu"\nimport { ${route.split('(')[0]} } from "std/policies/${file}"`,
  )

const slice = (x: HostTensor, from: number, to: number): HostTensor =>
  hostTensor([1, to - from, WIDTH], 'f32', x.values.slice(from * WIDTH, to * WIDTH))

/** Policies whose choice for a token depends on the others of the run, or on its place there; transport plans are of training. */
const REFUSED = ['expert_choice', 'random', 'soft']

const policies = layers.filter(({ hasIds }) => hasIds !== true)

test.each(shareOf(policies, 4).map((layer) => [layer.route, layer] as const))('%s', MORE_IN_LONG, (_, layer) => {
  const text = routed(layer)
  expect(mixedIn(text) !== null).toBe(REFUSED.includes(layer.file))
  if (REFUSED.includes(layer.file)) return
  const [{ graph: whole }, { graph: inPieces }] = [modelOf(text, undefined), modelOf(text, LENGTH)]
  const { checkpoint } = feedsOf(whole, { B: 1, S: 1 }, { seed: 3 })
  const weights = weightsOf(whole, checkpoint)
  const x = floats([1, LENGTH, WIDTH], uniform(5), 1)
  const { y } = evaluate(whole, { inputs: { x }, weights })
  const kept = new Map(Object.entries(weights))
  const run = (from: number, to: number): Float64Array => {
    const past = hostTensor([1], 'i32', Float64Array.of(from))
    return evaluateOn(kept, inPieces, { x: slice(x, from, to), [PAST_TOKENS]: past }).y.values
  }
  const got = [...run(0, FIRST), ...run(FIRST, LENGTH)]
  expect(got).toHaveLength(y.values.length)
  y.values.forEach((value, at) => expect(got[at]).toBeCloseTo(value, 10))
})

test.each([
  ['the row numbers of a run', 'output y = h + reshape(cast(iota(S), "f32"), [S, 1])', 'numbers of the rows of a run'],
  ['a length', 'output y = h * cast(S, "f32")', 'a sum over positions'],
  ['a mean over positions', 'output y = h + mean(h, axis = 1, keep = true)', 'a sum over positions'],
  ['a maximum over positions', 'output y = h - max(h, axis = 1, keep = true)', 'a maximum over positions'],
  ['the first position', 'output y = h + h[:, 0:1]', 'a slice of the positions'],
  ['every second position', 'output y = h[:, 0:S:2]', 'a slice of the positions'],
  ['a shift', 'output y = concat([h[:, 1:S], h[:, 0:1]], axis = 1)', 'a slice of the positions'],
  ['a row beside', 'output y = concat([h, broadcast(0.0, [B, 1, 8])], axis = 1)', 'rows that are joined along positions'],
  ['a product over positions', 'output y = einsum("b s d, b s e -> b d e", h, h)', 'a product that sums over positions'],
  ['rows by position', 'output y = take(reshape(h, [B * S, 8]), cast(h[:, :, 0] * 0.0, "i32"))', 'rows of other positions'],
])('%s', (_, body, what) => {
  expect(mixedIn(after(`  ${body}`))).toBe(what)
})

test.each([
  ['positions', 'output y = h + reshape(cast(positions(h), "f32"), [B, S, 1])'],
  ['rows before', 'output y = h + with_previous(h, 2)[:, 0:S]'],
  ['sums over columns', 'output y = h / sum(h, axis = -1, keep = true)'],
  ['slices of columns', 'output y = h[:, :, 0:4]'],
  ['heads', 'output y = rearrange(h, "b s (h c) -> b h s c", h = 2)'],
])('%s are accepted', (_, body) => {
  expect(mixedIn(after(`  ${body}`))).toBeNull()
})
