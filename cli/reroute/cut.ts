/** A checkpoint without some of the experts: which bytes of which tensors stay, and under which names. */
import type { MoeTerm } from '../../compiler/model/model.ts'
import type { Plan, WeightPort } from '../../plan/plan.ts'
import { isFormat } from '../../plan/storage/formats.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import type { CopiedTensor } from '../../runtime/checkpoint/copy.ts'
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { EXIT, Failure } from '../exit.ts'

/** A routed layer by its place in the plan, and the experts that stay, ascending. */
export interface Kept {
  /** `layers.0.moe` */
  readonly path: string
  readonly experts: number
  readonly kept: readonly number[]
}

const whole = (info: TensorInfo, from = info.name): CopiedTensor => ({
  ...info,
  from: [{ tensor: from, offset: 0, length: info.bytes }],
})

/** Entries of the leading axis. */
function entries(info: TensorInfo, { experts, kept }: Kept): CopiedTensor {
  if (info.shape[0] !== experts || info.bytes % experts !== 0) {
    throw new Failure(
      EXIT.badCheckpoint,
      `tensor '${info.name}' has ${info.shape[0]} entries along its first axis, not one for each of ${experts} experts`,
    )
  }
  const length = info.bytes / experts
  return {
    ...info,
    shape: [kept.length, ...info.shape.slice(1)],
    bytes: length * kept.length,
    from: kept.map((expert) => ({ tensor: info.name, offset: expert * length, length })),
  }
}

/** What becomes of the tensors of one weight: by name, null for one that goes. */
function cutPort(
  { name, pieces, stacked }: WeightPort,
  kept: Kept,
  checkpoint: Checkpoint,
): readonly (readonly [string, CopiedTensor | null])[] {
  const info = (tensor: string): TensorInfo => checkpoint.tensors.get(tensor)!
  const isApart = stacked && new Set(pieces.map(({ tensor }) => tensor)).size === kept.experts
  if (isApart) {
    // the survivors take the first names, in their order
    return pieces.map(({ tensor }, at) => {
      const from = at < kept.kept.length ? pieces[kept.kept[at]].tensor : null
      return [tensor, from === null ? null : whole({ ...info(from), name: tensor }, from)]
    })
  }
  const [{ tensor, slices, transpose }] = pieces
  const first = slices[0]?.kind ?? 'all'
  const isTurned = transpose && info(tensor).shape.length < 3
  if (isTurned || first !== (stacked ? 'index' : 'all'))
    throw new Failure(EXIT.usage, `${name} does not have its experts along the first axis of '${tensor}'`)
  return [[tensor, entries(info(tensor), kept)]]
}

/** Weights of a layer that have an entry for each expert: the experts' own, and the router's. */
function portsOf(plan: Plan, moe: MoeTerm | undefined, { path, experts }: Kept): readonly WeightPort[] {
  const router = `${path}.${moe?.policy.path.at(-1) ?? 'router'}.`
  const own = plan.weights.filter(({ name }) => name.startsWith(`${path}.experts.`))
  if (own.length === 0)
    throw new Failure(EXIT.usage, `${path} has no weights under ${path}.experts: experts under another label are not dropped`)
  return [...own, ...plan.weights.filter(({ name, shape }) => name.startsWith(router) && Number(shape[0]) === experts)]
}

/** Blocks are put together while they are read; the tensors of the file that they are made of would have to be cut. */
function refuseBlocks({ name, tensors }: Checkpoint): void {
  const quantized = [...tensors.values()].find(({ dtype }) => isFormat(dtype))
  if (quantized !== undefined)
    throw new Failure(
      EXIT.badCheckpoint,
      `experts cannot be removed from ${name}: ${quoted(quantized.name)} is quantised (${quantized.dtype})`,
    )
}

/**
 * Every tensor of the smaller checkpoint, by name; what belongs to no expert stays as it is. Throws a Failure for a layout that
 * cannot be cut, and for quantised weights.
 */
export function cutTensors(
  plan: Plan,
  moes: readonly MoeTerm[],
  layers: readonly Kept[],
  checkpoint: Checkpoint,
): readonly CopiedTensor[] {
  refuseBlocks(checkpoint)
  const changed = new Map<string, CopiedTensor | null>()
  for (const kept of layers) {
    const moe =
      moes.find(({ path }) => path.join('.').replaceAll(/\{[^}]*\}/g, '#') === kept.path.replaceAll(/(?<=\.)\d+(?=\.)/g, '#')) ??
      moes[0]
    for (const port of portsOf(plan, moe, kept))
      for (const [tensor, made] of cutPort(port, kept, checkpoint)) changed.set(tensor, made)
  }
  const all = [...checkpoint.tensors.values()].map((info) => (changed.has(info.name) ? changed.get(info.name)! : whole(info)))
  return all.filter((tensor) => tensor !== null).sort((a, b) => (a.name < b.name ? -1 : 1))
}
