/** Checkpoints with the gradients of their loss, as another implementation has them. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { isOp, nodesOf } from '../../compiler/graph/walk.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from './check.ts'
import { checkpointFolders, openCheckpoint, type Checkpoint } from './checkpoints.ts'
import { readSafetensors } from './safetensors.ts'

/** The mean cross-entropy of each token but the first, guessed from those before. */
const LOSS = `
  let guess = log_softmax(scores[:, :-1])
  let taken = pick(guess, reshape(tokens[:, 1:], [B, S - 1, 1]))
  loss next_token = -mean(mean(taken[:, :, 0]))
`

export const trainedFolders: readonly (readonly [string, string])[] = checkpointFolders
  .filter((folder) => existsSync(join(folder, 'gradients.safetensors')))
  .map((folder) => [basename(folder), folder])

export interface Trained {
  readonly checkpoint: Checkpoint
  /** Outputs: the loss, and the gradient of every weight. */
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, HostTensor>>
  /** By path, as the file has them. */
  readonly gradients: ReadonlyMap<string, ArrayLike<number>>
}

export function openTrained(folder: string): Trained {
  const checkpoint = openCheckpoint(folder)
  const text = checkpoint.spec.text
    .replace(/output logits: (.*?) = (.*)/, 'let scores = $2\n  output logits: $1 = scores')
    .replace(/\n {2}weights \{/, `${LOSS}\n  weights {`)
  const { model, diagnostics } = checkSource({ ...checkpoint.spec, text })
  if (model === null || diagnostics.length > 0) throw new Error(framed(diagnostics))
  const forward = lower(model, { training: true })
  const graph = differentiate({ ...forward, outputs: forward.outputs.filter(({ role }) => role?.kind === 'loss') })
  const file = readSafetensors(join(folder, 'gradients.safetensors'))
  const weights = nodesOf(graph).flatMap((node) => (isOp(node, 'weight') ? [node] : []))
  return {
    checkpoint,
    graph,
    inputs: { tokens: checkpoint.reference.input_ids },
    gradients: new Map(weights.map((weight) => [weight.params.name, gradientIn(file, weight)])),
  }
}

/** Of experts the file has one tensor, the gate above the up projection. */
function gradientIn(
  file: Readonly<Record<string, HostTensor>>,
  { params: { name, source } }: Extract<Node, { op: 'weight' }>,
): ArrayLike<number> {
  const bank = /^(layers\.\d+)\.moe\.experts\.(gate|up|down)$/.exec(name)
  if (bank === null) return file[source.pieces[0].tensor.replace('block_sparse_moe', 'mlp')].values
  const experts = `model.${bank[1]}.mlp.experts`
  if (bank[2] === 'down') return file[`${experts}.down_proj`].values
  const { shape, values } = file[`${experts}.gate_up_proj`]
  const half = (shape[1] * shape[2]) / 2
  const first = bank[2] === 'gate' ? 0 : half
  return Array.from({ length: shape[0] }, (_, e) =>
    Array.from(values.subarray(2 * e * half + first, 2 * e * half + first + half)),
  ).flat()
}
