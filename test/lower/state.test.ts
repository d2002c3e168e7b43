/** What is kept between runs: a sequence that is given in pieces, beside others, gives what it gives as a whole. */
import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { evaluateOn } from '../../compiler/reference/replace.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { NEW_TOKENS, PAST_TOKENS } from '../../plan/state-inputs.ts'
import { checkSource, framed } from '../support/check.ts'
import { assertProperty } from '../support/property.ts'
import { feedsOf, floats, uniform } from '../support/random.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'
import { weightsOf } from '../support/weights.ts'

const WIDTH = 8

/** A model of one block over x. */
const spec = (imports: string, body: string): string => `${imports}
model m() {
  input x: f32[B, S, ${WIDTH}]
  output y = ${body}
}`

const attention = (settings: string): string =>
  spec('import { attention } from "std/blocks/attention"', `attention(x, heads = 4, C = 4, ${settings}) as attention`)

const SPECS: Readonly<Record<string, string>> = {
  'grouped queries': attention('groups = 2'),
  'a window': attention('window = 3'),
  'sinks and a cap': attention('sinks = true, cap = 2.0'),
  'norms of heads': attention('norms = "head", interleaved = true'),
  'no rotation': attention('rotary = false'),
  'latent attention': spec(
    'import { latent_attention } from "std/blocks/latent_attention"',
    'latent_attention(x, heads = 2, kv_rank = 3, q_rank = 4, plain = 2, rotated = 2, width = 3) as attention',
  ),
  'a mixture of attention': spec(
    'import { mixture_of_attention } from "std/blocks/mixture_of_attention"',
    'mixture_of_attention(x, E = 3, k = 2, groups = 2, C = 4) as attention',
  ),
  'a short convolution': spec(
    'import { short_convolution } from "std/blocks/short_convolution"',
    'short_convolution(x, taps = 4) as convolution',
  ),
  'a convolution of one tap': spec(
    'import { short_convolution } from "std/blocks/short_convolution"',
    'short_convolution(x, taps = 1) as convolution',
  ),
  'two blocks': spec(
    'import { attention } from "std/blocks/attention"\nimport { short_convolution } from "std/blocks/short_convolution"',
    '(attention(x, heads = 2) as first) + attention(short_convolution(x) as second, heads = 4, window = 2) as third',
  ),
}

interface Graphs {
  readonly whole: Graph
  readonly inPieces: Graph
}

function graphsOf(text: string, sequences: number, longest: number): Graphs {
  const graph = (given: number | undefined): Graph => {
    const { model, diagnostics } = checkSource({ path: 'state.smoe', text }, { longest: given })
    if (model === null) throw new Error(framed(diagnostics))
    return lower(model, given === undefined ? {} : { state: { sequences, longest: given } })
  }
  return { whole: graph(undefined), inPieces: graph(longest) }
}

const i32 = (values: readonly number[]): HostTensor => hostTensor([values.length], 'i32', Float64Array.from(values))

/** Rows from .. below of each sequence, as many as the longest has; others are noise. */
function rowsOf(x: readonly HostTensor[], from: readonly number[], count: readonly number[], seed: number): HostTensor {
  const most = Math.max(...count)
  const { values } = floats([x.length, most, WIDTH], uniform(seed), 100)
  x.forEach((own, b) => values.set(own.values.subarray(from[b] * WIDTH, (from[b] + count[b]) * WIDTH), b * most * WIDTH))
  return hostTensor([x.length, most, WIDTH], 'f32', values)
}

/** What each sequence gives, in pieces: `counts` has the new rows of each sequence, run by run. */
function runInPieces(
  graph: Graph,
  weights: Map<string, HostTensor>,
  x: readonly HostTensor[],
  counts: readonly (readonly number[])[],
) {
  const past = x.map(() => 0)
  const found: number[][] = x.map(() => [])
  for (const [run, count] of counts.entries()) {
    const given = { x: rowsOf(x, past, count, run + 1), [PAST_TOKENS]: i32(past), [NEW_TOKENS]: i32(count) }
    const inputs = Object.fromEntries(graph.inputs.map(({ params }) => [params.name, given[params.name as keyof typeof given]]))
    const { y } = evaluateOn(weights, graph, inputs)
    const most = Math.max(...count)
    count.forEach((rows, b) => {
      found[b].push(...y.values.subarray(b * most * WIDTH, (b * most + rows) * WIDTH))
      past[b] += rows
    })
  }
  return found
}

const pieces = fc
  .record({
    sequences: fc.integer({ min: 1, max: 3 }),
    runs: fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
    spare: fc.integer({ min: 0, max: 3 }),
    seed: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ sequences, runs, spare, seed }) => {
    const counts = runs.map((run) => run.slice(0, sequences)).filter((run) => run.some((rows) => rows > 0))
    return { sequences, counts: counts.length === 0 ? [Array(sequences).fill(2) as number[]] : counts, spare, seed }
  })

it.each(Object.keys(SPECS))('%s', MORE_IN_LONG, (name) => {
  assertProperty(
    fc.property(pieces, ({ sequences, counts, spare, seed }) => {
      const lengths = Array.from({ length: sequences }, (_, b) => counts.reduce((sum, count) => sum + count[b], 0))
      // rows that are no sequence's own lie behind them for a while
      const longest = Math.max(...lengths) + Math.max(...counts.flat()) + spare
      const { whole, inPieces } = graphsOf(SPECS[name], sequences, longest)
      const x = lengths.map((length, b) => floats([1, length, WIDTH], uniform(seed + b), 1))
      const { checkpoint } = feedsOf(whole, { B: 1, S: 1 }, { seed })
      const weights = weightsOf(whole, checkpoint)
      const got = runInPieces(inPieces, new Map(Object.entries(weights)), x, counts)
      x.forEach((own, b) => {
        if (lengths[b] === 0) return
        const { y } = evaluate(whole, { inputs: { x: own }, weights })
        expect(got[b]).toHaveLength(y.values.length)
        y.values.forEach((value, at) => expect(got[b][at]).toBeCloseTo(value, 10))
      })
    }),
    inRun({ short: 2, long: 8, whole: 60 }),
  )
})

test('nothing is kept unless it is asked for', () => {
  const { whole, inPieces } = graphsOf(SPECS['two blocks'], 1, 6)
  expect(whole.inputs.map(({ params }) => params.name)).toEqual(['x'])
  expect(inPieces.inputs.map(({ params }) => params.name)).toEqual(['x', PAST_TOKENS, NEW_TOKENS])
  expect(inPieces.outputs.flatMap(({ replaces }) => replaces ?? [])).toEqual([
    'cache.first.0',
    'cache.first.1',
    'cache.second.0',
    'cache.third.0',
    'cache.third.1',
  ])
})
