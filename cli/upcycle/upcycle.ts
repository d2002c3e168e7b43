/** The folder of a sparse model that begins as a dense one. */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { textPieces } from '../../runtime/files/index.ts'
import { checkSource } from '../checking.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import { besideFiles } from '../export/beside.ts'
import { hubFolder } from '../export/export.ts'
import { lowered, saidBy, type Given } from '../export/given.ts'
import { refusalOf, type Lowered } from '../export/refusal.ts'
import { weightFiles, type NamedFile } from '../export/shards.ts'
import { copiedTensors, type ExportedTensor } from '../export/tensors.ts'
import { specOf } from '../import/from.ts'
import type { Terminal } from '../terminal.ts'
import { sparseConfig, type SparseConfig } from './config.ts'
import { sparseSpec, type Sparse } from './rewrite.ts'
import { weightOfParts } from './router.ts'
import { sparseCheckpoint } from './weights.ts'

export interface UpcycleRequest {
  readonly sparse: Sparse
  readonly seed: number
  readonly noise: number
  /** Bytes of tensors in a file. */
  readonly shard: number
}

export interface Upcycled {
  readonly files: readonly NamedFile[]
  readonly tensors: readonly ExportedTensor[]
  /** `model_type` of its config; null for a spec. */
  readonly type: string | null
  /** Why no config says it; null where one does. */
  readonly reason: string | null
  /** A factor on the last matrix of each expert. */
  readonly scale: number
  readonly config: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[]
}

export const SPEC = 'model.smoe'

/** Figures that a factor is rounded to: the sums that it comes from are no more exact. */
const FIGURES = 9

/** Throws a Failure for counts that do not go together. */
function checkCounts({ experts, topK, granularity }: Sparse): void {
  if (topK > experts) throw new Failure(EXIT.usage, `--k ${topK} is more than --experts ${experts}`)
  const odd = Object.entries({ '--experts': experts, '--k': topK }).find(([, count]) => count % granularity !== 0)
  if (odd === undefined) return
  const [name, count] = odd
  throw new Failure(
    EXIT.usage,
    `--granularity ${granularity} does not divide ${name} ${count}: the parts of a network are selected together`,
  )
}

/** Throws a Failure for networks that are not cut into equal parts. */
function checkWidths({ model: { ports } }: Given, label: string, { granularity }: Sparse): void {
  const widths = ports.filter(({ name }) => name.endsWith(`.${label}.down`)).map(({ shape }) => Number(shape[1]))
  const odd = widths.find((width) => width % granularity !== 0)
  if (odd !== undefined)
    throw new Failure(EXIT.usage, `networks are ${odd} wide, which --granularity ${granularity} does not divide`)
}

/** The config that says what the spec computes, or why there is none. */
function configOf(given: Given, model: Lowered, sparse: Sparse, terminal: Terminal): SparseConfig | string {
  const config = sparseConfig(given.changed, given.type, sparse)
  if (config === null) return `no architecture of the table is '${given.type}' with experts`
  try {
    const said = saidBy('the config with experts', config.changed, terminal)
    return refusalOf(model, said, { type: config.type, fields: said.imported.fields }) ?? config
  } catch (problem) {
    if (problem instanceof Failure) return problem.message
    throw problem
  }
}

function specFiles(
  text: string,
  given: Given,
  checkpoint: Checkpoint,
  shard: number,
  terminal: Terminal,
): Pick<Upcycled, 'files' | 'tensors'> {
  const tensors = copiedTensors(checkpoint)
  const others = given.folder === null ? [] : besideFiles(terminal.path(given.folder))
  const spec = { name: SPEC, pieces: textPieces(text), bytes: Buffer.byteLength(text) }
  return { files: [spec, ...others, ...weightFiles(tensors, shard)], tensors }
}

/**
 * What is to be written; experts are made while it is. The logits are those of the dense model, up to the rounding of a factor,
 * unless there is noise. Throws a Failure for sizes that do not divide, networks that no expert of `std` computes, and policies
 * whose weights do not sum to one number.
 */
export function upcycledFolder(given: Given, checkpoint: Checkpoint, request: UpcycleRequest, terminal: Terminal): Upcycled {
  const { sparse, seed, noise, shard } = request
  checkCounts(sparse)
  const dense = specOf('the config', given.changed.config, { layout: 'hub' })
  const spec = sparseSpec({ path: `${given.type}.smoe`, text: dense.spec }, sparse)
  checkWidths(given, spec.label, sparse)
  const scale = Number((1 / weightOfParts(sparse, seed, terminal)).toPrecision(FIGURES))
  const { model: checked, diagnostics } = checkSource({ path: SPEC, text: spec.text }, { set: [] }, terminal)
  refuseErrors(diagnostics, terminal)
  const model = lowered(checked!)
  const start = { model: checked!, seed, experts: sparse.experts, granularity: sparse.granularity }
  const made = sparseCheckpoint(given, checkpoint, model.ports, { spec, start, scale, noise })
  const config = configOf(given, model, sparse, terminal)
  if (typeof config === 'string')
    return { ...specFiles(spec.text, given, made, shard, terminal), type: null, reason: config, scale, config: [] }
  const own: Given = { ...given, ...config, model, hasHubNames: false, interleaved: null }
  const { files, tensors, changes } = hubFolder(own, made, { as: 'shipped', shard }, terminal)
  const fields = changes.map(({ path, from, value }) => ({ field: path.join('.'), from: from ?? null, to: value ?? null }))
  return { files, tensors, type: config.type, reason: null, scale, config: fields }
}
