/** Accepted mutants on a device beside the f64 reference. */
import { duration } from '../../cli/progress.ts'
import { compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate, evaluateNodes, type Feeds } from '../../compiler/reference/evaluate.ts'
import { EvaluationError, type HostTensor } from '../../compiler/reference/tensor.ts'
import { evaluate as sizeOf } from '../../plan/dim.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { openDevice } from '../../runtime/node/index.ts'
import type { Device } from '../../runtime/device.ts'
import { InputError, NotFiniteError, WeightError } from '../../runtime/errors.ts'
import { createSession, type Session } from '../../runtime/session.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { storedAll } from '../../test/support/devices.ts'
import { feedsOf } from '../../test/support/random.ts'
import { weightsOf } from '../../test/support/weights.ts'
import { createRandom, normal } from '../../cli/random.ts'
import { workThrough } from './loop.ts'
import { modelOf, type Fuzzer, type Mutant } from './specs.ts'

type Verdict =
  { readonly kind: 'equal' | 'refused' | 'too-large' | 'beyond-f32' } | { readonly kind: 'differs'; readonly what: string }

const DIMS = { B: 2, S: 5, T: 7 }

/** Elements of the largest tensor that the reference evaluates in reasonable time. */
const MOST_ELEMENTS = 2 ** 17
const MOST_NODES = 600

/** Errors of f32 in sums of some hundred terms. */
const TOLERANCE = 2e-5
/** How much larger than the effect of one rounding of every input the error may be. */
const CONDITION = 64
const ROUNDING = 2 ** -24
const SEEDS = [1, 2, 3]

function isTooLarge(graph: Graph): boolean {
  const dims = Object.fromEntries(graph.dims.map(({ name }, i) => [name, 3 + i]))
  const nodes = nodesOf(graph)
  return (
    nodes.length > MOST_NODES ||
    nodes.some(({ shape }) => shape.reduce((all, size) => all * sizeOf(size, { ...dims, ...DIMS }), 1) > MOST_ELEMENTS)
  )
}

/** Each number off by a random rounding: what no f32 program can be asked to tell apart. */
const nudged = (tensors: Readonly<Record<string, HostTensor>>, seed: number): Readonly<Record<string, HostTensor>> => {
  const random = createRandom(seed)
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      if (tensor.dtype !== 'f32') return [name, tensor]
      return [name, { ...tensor, values: tensor.values.map((value) => value * (1 + normal(random, ROUNDING))) }]
    }),
  )
}

/** Largest difference beside the root mean square of the expected values; null where one is finite and the other is not. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number | null {
  let [largest, square, finite] = [0, 0, 0]
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(actual[i]) !== Number.isFinite(expected[i])) return null
    if (!Number.isFinite(expected[i])) continue
    largest = Math.max(largest, Math.abs(actual[i] - expected[i]))
    square += expected[i] ** 2
    finite++
  }
  return largest === 0 ? 0 : largest / Math.sqrt(square / finite)
}

const hasNotFinite = (graph: Graph, feeds: Feeds): boolean =>
  [...evaluateNodes(graph, nodesOf(graph), feeds).values()].some(({ values }) => values.some((x) => !Number.isFinite(x)))

/** Whether some value on the way is not a finite normal number of f32. */
function leavesF32(graph: Graph, feeds: Feeds): boolean {
  const values = evaluateNodes(graph, nodesOf(graph), feeds)
  return [...values].some(([{ dtype }, { values: numbers }]) =>
    numbers.some((x) => (dtype === 'i32' ? Math.abs(x) >= 2 ** 31 : Math.abs(x) > 1e37 || (x !== 0 && Math.abs(x) < 1e-37))),
  )
}

function compareOutputs(
  graph: Graph,
  feeds: ReturnType<typeof feedsOf>,
  actual: Readonly<Record<string, HostData>>,
): string | null {
  const { inputs, weights, checkpoint } = feeds
  const expected = evaluate(graph, { inputs, weights })
  const others = [11, 12].map((seed) =>
    evaluate(graph, { inputs: nudged(inputs, seed), weights: weightsOf(graph, nudged(checkpoint, seed + 1)) }),
  )
  for (const [name, { values }] of Object.entries(expected)) {
    const error = distance(actual[name].data, values)
    const spread = others.map((other) => distance(other[name].values, values))
    const allowed = spread.includes(null) ? Infinity : Math.max(TOLERANCE, ...spread.map((change) => CONDITION * change!))
    if (error === null && allowed < Infinity) return `${name}: finite on one side alone`
    if (error !== null && error > allowed)
      return `${name}: off by ${error.toExponential(2)} of its size, ${allowed.toExponential(2)} is allowed`
  }
  return null
}

async function runOnce(session: Session, graph: Graph, seed: number): Promise<Verdict> {
  const feeds = feedsOf(graph, DIMS, { seed, vocabulary: 3 })
  try {
    await session.loadWeights(memoryCheckpoint(storedAll(feeds.checkpoint)))
    const outputs = await session.run(storedAll(feeds.inputs))
    const what = compareOutputs(graph, feeds, outputs)
    if (what === null) return { kind: 'equal' }
    return leavesF32(graph, feeds) ? { kind: 'beyond-f32' } : { kind: 'differs', what }
  } catch (problem) {
    // a load-time constant that is not finite is refused; it must not be finite in the reference either
    if (problem instanceof NotFiniteError && hasNotFinite(graph, feeds)) return { kind: 'refused' }
    if (problem instanceof EvaluationError || problem instanceof InputError || problem instanceof WeightError)
      return { kind: 'refused' }
    throw problem
  }
}

/** A difference counts where every seed shows one: at a near tie of scores the two may route a token apart once. */
async function compareGraph(device: Device, graph: Graph): Promise<Verdict> {
  if (isTooLarge(graph)) return { kind: 'too-large' }
  const { plan } = compileGraph(graph, device.target)
  if (plan === null) return { kind: 'refused' }
  const session = await createSession(device, plan)
  try {
    let verdict: Verdict = { kind: 'equal' }
    for (const seed of SEEDS) {
      verdict = await runOnce(session, graph, seed)
      if (verdict.kind !== 'differs') return verdict
    }
    return verdict
  } finally {
    session.dispose()
  }
}

function graphOf({ main, load }: Mutant): Graph {
  const model = modelOf(main, load)
  if (model === null) throw new Error('the mutant was accepted before')
  return lower(model)
}

/** The number of differences; each is printed when it is found. */
export async function runOnDevice(
  fuzzer: Fuzzer,
  indices: readonly number[],
  choose: string,
  say: (text: string) => void,
): Promise<number> {
  const device = await openDevice({ choose })
  const counts: Record<Verdict['kind'] | 'threw', number> = {
    equal: 0,
    refused: 0,
    'too-large': 0,
    'beyond-f32': 0,
    differs: 0,
    threw: 0,
  }
  const start = performance.now()
  try {
    await workThrough(indices, async (index) => {
      try {
        const verdict = await compareGraph(device, graphOf(fuzzer.mutant(index)))
        counts[verdict.kind]++
        if (verdict.kind === 'differs') say(`differs: --only ${index}: ${verdict.what}`)
      } catch (problem) {
        counts.threw++
        say(`threw: --only ${index}: ${(problem as Error).stack?.split('\n').slice(0, 4).join(' ') ?? String(problem)}`)
      }
    })
  } finally {
    device.dispose()
  }
  say(
    `${indices.length} specs on ${device.choice.name} beside the reference in ${duration(performance.now() - start)}: ${Object.entries(
      counts,
    )
      .map(([kind, n]) => `${n} ${kind}`)
      .join(', ')}`,
  )
  return counts.differs + counts.threw
}
