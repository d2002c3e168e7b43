/** Every policy of the library as part of a whole layer, in each of its ways through training. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import { checkSource } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'
import { MORE_IN_LONG, shareOf } from '../support/runs.ts'
import { root } from '../support/sources.ts'
import { graphOf, type Layer } from '../std/layer.ts'
import { layers } from '../std/policies.ts'
import { COTANGENT, gapsOf, type Gap } from './layer-differences.ts'

/** Forms that matter to gradients alone. */
const others: readonly Layer[] = [
  { file: 'competition', route: 'competition(k = 2, theta = 0.0, unevenness = "entropy", sequences = B)' },
  { file: 'cosine', route: 'cosine(k = 2, normalise = "scores", gradient = "direction")' },
  { file: 'perturbed_cosine', route: 'perturbed_cosine(k = 2, gradient = "direction")' },
  { file: 'selective_sinkhorn', route: 'selective_sinkhorn(k = 2, cost = "linear", xi = 0.5, biases = true)' },
  { file: 'selective_sinkhorn', route: 'selective_sinkhorn(k = 2, gradient = "detached")' },
  // as many iterations nearby as here
  {
    file: 'selective_sinkhorn',
    route: 'selective_sinkhorn(k = 2, gradient = "unrolled", noise = 0.3, xi = 0.2, iterations = 7, tolerance = 0.0)',
  },
  { file: 'sinkhorn_base', route: 'sinkhorn_base(k = 2, weighing = "sigmoid")' },
  { file: 'stable', route: 'stable(k = 2, frozen = true)' },
  { file: 'stable', route: 'stable(k = 2)' },
  { file: 'top_k', route: 'top_k(k = 2, renormalise = false)' },
  { file: 'top_p', route: 'top_p(p = 0.6)' },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['capacity 1.0 overflow drop'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['capacity 1.0 overflow next'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['capacity 1.0 overflow shared'], clauses: ['shared 1 of swiglu(F = F)'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['at most 3 tokens an expert'] },
  { file: 'top_k', route: 'top_k(k = 2)', requires: ['groups 4 keep 2'] },
]

/** Steps in which the policy does what it does when training, and the others where there are such; else inference. */
function ways(file: string): readonly NonNullable<LowerOptions['training']>[] {
  const text = readFileSync(join(root, `std/policies/${file}.smoe`), 'utf8')
  return /when training at/.test(text) ? [true, []] : /when training/.test(text) ? [true, false] : [true]
}

const word = (training: LowerOptions['training']): string =>
  training === true ? 'when training' : training === false ? 'at inference' : 'in the other steps of training'

const cases = [...layers, ...others].flatMap((layer) =>
  ways(layer.file).map((training) => ({
    layer,
    training,
    title: `${[layer.route, ...(layer.requires ?? [])].join(', ')}, ${word(training)}`,
  })),
)

const task = (answers: string): readonly string[] => [
  `input ${COTANGENT}: f32[B, S, D]`,
  `output task: f32[] = sum(sum(sum(${answers} * ${COTANGENT})))`,
]

/** At the first of twenty points where no decision is near another one. */
function gapsAt(graph: Graph): readonly Gap[] {
  const losses = graph.outputs.flatMap(({ name, role }) => (name === 'task' || role?.kind === 'loss' ? [name] : []))
  for (let seed = 1; seed <= 20; seed++) {
    const gaps = gapsOf(graph, losses, feedsOf(graph, { B: 2, S: 3 }, { seed, vocabulary: 8 }))
    if (gaps !== null) return gaps
  }
  throw new Error('every point lies near another decision')
}

interface Spared {
  readonly route: RegExp
  readonly loss: RegExp
  /** Weights that the loss leaves alone. */
  readonly weights: RegExp
  /** Only in such steps; in all where nothing is said. */
  readonly training?: boolean
}

/** Weights without a gradient, by policy. */
const spared: readonly Spared[] = [
  { route: /frozen/, loss: /./, weights: /router/ },
  { route: /detached/, loss: /./, weights: /router/, training: true },
  { route: /^competition/, loss: /^(?!.*distil)/, weights: /router/, training: true },
  { route: /^competition/, loss: /distil/, weights: /experts/ },
  { route: /^competition/, loss: /\.(balance|z)$/, weights: /experts/ },
]

const sparedBy = (layer: Layer, training: LowerOptions['training'], loss: string): readonly RegExp[] =>
  spared.flatMap((one) =>
    one.route.test(layer.route) && one.loss.test(loss) && (one.training ?? training) === training ? [one.weights] : [],
  )

const small = { D: 4, F: 3, V: 8 }

describe('gradients of layers and finite differences', () => {
  test.each(shareOf(cases, 8))('$title', MORE_IN_LONG, ({ layer, training }) => {
    const gaps = gapsAt(graphOf({ ...layer, after: task('answers') }, { training, routes: false }, small))
    for (const { loss, miss, worst, reached } of gaps) {
      expect(miss, `${loss} at ${worst}`).toBeLessThan(1e-6)
      for (const weights of sparedBy(layer, training, loss))
        expect(
          reached.filter((name) => weights.test(name)),
          loss,
        ).toEqual([])
    }
  })

  test('experts that hear mixtures of all tokens', () => {
    const { model } = checkSource({
      path: 'soft.smoe',
      text: `
import { swiglu } from "std/experts/swiglu"
import { in_turn, soft_combine, soft_dispatch, soft_scores } from "std/policies/soft"

model soft(D: int = 4, F: int = 3, E: int = 4, P: int = 2) {
  input hidden: f32[B, S, D]
  let scores = soft_scores(hidden, slots = E * P)
  let answers = moe(soft_dispatch(hidden, scores)) {
    experts E of swiglu(F = F)
    route in_turn(slots = P)
  }
  ${task('soft_combine(answers, scores)').join('\n  ')}
}
`,
    })
    const [{ miss, reached }] = gapsAt(lower(model!, { training: true }))
    expect(miss).toBeLessThan(1e-6)
    expect([...reached].sort()).toEqual([
      'hidden',
      'moe.experts.down',
      'moe.experts.gate',
      'moe.experts.up',
      'soft_scores.phi',
      'soft_scores.scale',
    ])
  })
})
