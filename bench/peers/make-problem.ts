/** The problem from a seed, and what the reference computes for it in f64. */
import { INPUT, type LayerSize } from '../../cli/bench/layer.ts'
import { compileForward } from '../../cli/bench/plans.ts'
import { randomCheckpoint, randomTensor } from '../../cli/bench/random.ts'
import { createRandom } from '../../cli/random.ts'
import { evaluateReference, readWeights } from '../../cli/run/reference.ts'
import type { Terminal } from '../../cli/terminal.ts'
import { CPU } from '../../plan/target.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Problem, Weights } from './problem.ts'

export interface SolvedProblem extends Problem {
  /** [T, d], by T. */
  readonly expected: ReadonlyMap<number, ArrayLike<number>>
}

const SEED = 1

/** The weights of the problem by the names that the plan gives them. */
export const PLAN_NAMES: Readonly<Record<keyof Weights, string>> = {
  router: 'moe.router.gate',
  gate: 'moe.experts.gate',
  up: 'moe.experts.up',
  down: 'moe.experts.down',
}

async function readFloats(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const { bytes } = checkpoint.tensors.get(name)!
  return new Float32Array(Uint8Array.from(await checkpoint.read(name, 0, bytes)).buffer)
}

async function readAll(checkpoint: Checkpoint): Promise<Weights> {
  const [router, gate, up, down] = await Promise.all(
    [PLAN_NAMES.router, PLAN_NAMES.gate, PLAN_NAMES.up, PLAN_NAMES.down].map((name) => readFloats(checkpoint, name)),
  )
  return { router, gate, up, down }
}

export async function makeProblem(size: LayerSize, tokens: readonly number[], terminal: Terminal): Promise<SolvedProblem> {
  const { graph, plan } = compileForward(size, CPU, terminal)
  const checkpoint = randomCheckpoint(plan, SEED)
  const inputs = tokens.map((count) => ({ count, x: randomTensor([count, size.width], createRandom(SEED), 1) }))
  const weights = await readWeights(graph, checkpoint)
  return {
    size,
    weights: await readAll(checkpoint),
    inputs: new Map(inputs.map(({ count, x }) => [count, x.data as Float32Array])),
    expected: new Map(inputs.map(({ count, x }) => [count, evaluateReference(graph, { [INPUT]: x }, weights).y.values])),
  }
}
