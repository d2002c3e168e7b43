/** Removes experts: from the checkpoint, from the held directions, from the spec. */
import type { Source } from '../../grammar/source.ts'
import { weightsByPath } from '../../plan/weight-path.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { HostData } from '../../runtime/tensors.ts'
import type { Compiled } from '../compilation.ts'
import { EXIT, Failure } from '../exit.ts'
import { directoryOf, type NamedOutput } from '../files.ts'
import { plural } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { chooseDropped, type Criterion } from './choose.ts'
import type { Routers } from './compare.ts'
import { cutTensors } from './cut.ts'
import { directoryFiles } from './directory.ts'
import { withExperts } from './experts.ts'

export interface DropRequest {
  /** Share of the experts that goes, 0..1; rounded down. */
  readonly share: number
  readonly by: Criterion
  readonly seed: number
  /** Folders: of the checkpoint, and of the smaller one. */
  readonly from: string
  readonly to: string
}

export interface Dropped {
  /** The experts that are gone, by the name of the layer. */
  readonly layers: Readonly<Record<string, readonly number[]>>
  /** The number that is left in each layer. */
  readonly kept: number
}

/** How many go; every layer loses as many, so that one number of experts says it all. */
function countOf(routers: readonly Routers[], share: number): number {
  const sizes = new Set(routers.map(({ old }) => old.experts))
  if (sizes.size > 1)
    throw new Failure(
      EXIT.usage,
      `layers have ${[...sizes].join(' and ')} experts: experts are only dropped where all layers have the same number`,
    )
  const [
    {
      old: { experts, k },
    },
  ] = routers
  const count = Math.floor(experts * share)
  if (count === 0) throw new Failure(EXIT.usage, `${share * 100} % of ${experts} experts is less than one`)
  if (experts - count < k) throw new Failure(EXIT.usage, `${experts - count} experts would be left, and each token needs ${k}`)
  return count
}

/** Chooses experts to drop and returns the smaller checkpoint. Throws a Failure if no expert can be dropped. */
export function dropExperts(
  compiled: Compiled,
  routers: readonly Routers[],
  checkpoint: Checkpoint,
  request: DropRequest,
  terminal: Terminal,
): { readonly dropped: Dropped; readonly output: NamedOutput } {
  const count = countOf(routers, request.share)
  const { experts } = routers[0].old
  const layers = Object.fromEntries(
    routers.map((one, at) => [one.old.name, chooseDropped(one, request.by, count, request.seed + at)]),
  )
  const kept = Object.entries(layers).map(([name, gone]) => ({
    path: name.replaceAll('/', '.'),
    experts,
    kept: stay(experts, gone),
  }))
  const tensors = cutTensors(
    checkpoint.isByPath === true ? weightsByPath(compiled.plan) : compiled.plan,
    compiled.model!.moes,
    kept,
    checkpoint,
  )
  const files = directoryFiles(request.from, checkpoint, { tensors, experts, kept: experts - count }, terminal)
  const message = `wrote the checkpoint with ${plural(experts - count, 'expert')} a layer to ${request.to}`
  return { dropped: { layers, kept: experts - count }, output: { output: directoryOf(request.to, files, terminal), message } }
}

const stay = (experts: number, gone: readonly number[]): readonly number[] =>
  Array.from({ length: experts }, (_, e) => e).filter((e) => !gone.includes(e))

/** The directions of the experts that are left. */
export function cutHeld(
  held: Readonly<Record<string, HostData>>,
  routers: readonly Routers[],
  { layers }: Dropped,
): Readonly<Record<string, HostData>> {
  return Object.fromEntries(
    Object.entries(held).map(([name, tensor]) => {
      const router = routers.find((one) => one.held === name)
      if (router === undefined) return [name, tensor]
      const { experts, name: layer } = router.old
      const width = tensor.data.length / experts
      const rows = stay(experts, layers[layer]).map((expert) => tensor.data.subarray(expert * width, (expert + 1) * width))
      const data = new Float32Array(rows.length * width)
      rows.forEach((row, at) => data.set(row, at * width))
      return [name, { shape: [rows.length, width], data }]
    }),
  )
}

export function cutSpec(source: Source, { kept }: Dropped): string {
  const text = withExperts(source, kept)
  if (text !== null) return text
  throw new Failure(
    EXIT.usage,
    `${source.path}: the number of experts is neither written out nor a parameter of the model with a number for a default`,
  )
}
