/** Routers that others are measured against, with the losses for balance that the released code adds to them. */
import type { Tensors } from '../case.ts'
import type { Layer } from '../layers.ts'
import type { GradientCase } from './case.ts'
import { layerOf, withLosses, withTask } from './layers.ts'

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, at) => sum + value * b[at], 0)

const released = ({ y, cotangent, aux_loss, loss }: Tensors): number =>
  loss?.values[0] ?? dot(y.values, cotangent.values) + aux_loss.values[0]

/** In vision layers: shares of the best choices, and a cost of large scores. */
const vision = (p: string, score: string): readonly string[] => [
  `balance = 0.01 * load_balance(${p}, selected[:, 0:1], sequences)`,
  `size = 0.001 * z_cost(${score})`,
]

/** In language models: the entropy of the mean probabilities. */
const language = (score: string): readonly string[] => [`balance = 0.01 * negative_entropy(${score}, sequences)`]

function balanced(
  file: string,
  policy: string,
  losses: readonly string[],
  change: (layer: Layer) => Layer = (layer) => layer,
): GradientCase {
  const layer = withTask(withLosses(change(layerOf(file)), policy, losses))
  return { name: file, files: [file], layer, training: true, terms: [{ prefix: 'grad', value: released }] }
}

/** The code scales the points in place before each step, and none of that is differentiated. */
const byDirections = (layer: Layer): Layer => ({ ...layer, route: layer.route.replace(')', ', gradient = "direction")') })

const score = 'x @ gate.T'

/** Gates alone: the gradient is that of their balance. */
function gate(file: string, policy: string, p: string, made?: GradientCase['made']): GradientCase {
  const layer = withLosses(layerOf(file), policy, [`balance = load_balance(${p}, selected) / k`], '1')
  const terms = [{ prefix: 'grad', value: ({ balance_loss }: Tensors) => balance_loss.values[0] }]
  return { name: file, files: [file], layer, training: true, terms, ...(made === undefined ? {} : { made }) }
}

/** The code leaves the points at a length of 1.5, and differentiates there. */
function inPlace({ 'param.expert_embeddings': points }: Tensors): Tensors {
  const width = points.shape[1]
  const length = (row: number): number => Math.hypot(...points.values.subarray(row * width, (row + 1) * width))
  return {
    'param.expert_embeddings': {
      ...points,
      values: points.values.map((value, at) => (1.5 * value) / length(Math.floor(at / width))),
    },
  }
}

/** With one expert a token its weight is 1 whatever the gate says, and most of the file's gradient of the gate is rounding. */
const rounded = (one: GradientCase): GradientCase => ({ ...one, rounding: 1e-3 })

export const baselines: readonly GradientCase[] = [
  balanced('baselines/vlm_smoe', 'top_k', vision('p', score)),
  balanced('baselines/vlm_smoe_sigmoidgating', 'sigmoid_top_k', vision(`softmax(${score})`, score)),
  balanced('baselines/vlm_xmoe', 'cosine', vision('p', 'score'), byDirections),
  balanced('baselines/vlm_smoe_perturbed', 'perturbed_cosine', vision('p', 'token @ direction.T'), byDirections),
  rounded(balanced('baselines/vlm_shard_smoe', 'top_k', vision('p', score))),
  rounded(balanced('baselines/vlm_deepseekv3', 'top_k', vision('p', score))),
  balanced('baselines/lm_smoe', 'top_k', language(score)),
  balanced('baselines/lm_smoe_sigmoid', 'sigmoid_top_k', language(score)),
  balanced('baselines/lm_xmoe', 'cosine', language('score'), byDirections),
  balanced('baselines/lm_smoe_perturbed', 'perturbed_cosine', language('token @ direction.T'), byDirections),
  balanced('baselines/lm_deepseekv2', 'softmax_of_top_k', language('score')),
  balanced('baselines/lm_deepseekv3', 'sigmoid_top_k', language(score)),
  gate('baselines/v1_SMoE', 'softmax_of_top_k', 'softmax(score)'),
  gate('baselines/v1_XMoE', 'cosine', 'softmax(score / 0.3)', inPlace),
  gate('baselines/v1_StableMoE', 'stable', 'softmax(score / 0.3)'),
]
