/** The low-rank pairs of a run as an adapter in the layout of PEFT: adapter_model.safetensors and adapter_config.json. */
import { adapterName, type Adapter } from '../../plan/adapters.ts'
import type { WeightPort } from '../../plan/plan.ts'
import { encodeSafetensors, type FileData } from '../../runtime/checkpoint/encode.ts'
import { textPieces } from '../../runtime/files/index.ts'
import type { State } from '../../training/machine.ts'
import { EXIT, Failure } from '../exit.ts'
import type { NamedFile } from './shards.ts'

/** What PEFT puts in front of the names of the model that it wraps. */
const WRAPPED = 'base_model.model.'

/** The linear layer whose weight this is, by its name on the hub. Throws a Failure for what is none of its own there. */
function layerOf(name: string, ports: readonly WeightPort[]): string {
  const port = ports.find((one) => one.name === name)
  const [piece, ...others] = port?.pieces ?? []
  const isWhole =
    piece !== undefined && others.length === 0 && !piece.transpose && piece.slices.every(({ kind }) => kind === 'all')
  if (isWhole && port?.stacked === false && piece.tensor.endsWith('.weight')) return piece.tensor.slice(0, -'.weight'.length)
  throw new Failure(
    EXIT.usage,
    `the pair of ${name} has no place in an adapter of PEFT: ${piece === undefined ? 'the checkpoint does not have it' : `${piece.tensor} is a part of a larger parameter there, no linear layer`}`,
    '--to hf writes the sum of weights and pairs',
  )
}

/** Values that differ from that of all, by layer. */
const pattern = (all: number, values: readonly (readonly [string, number])[]): Readonly<Record<string, number>> =>
  Object.fromEntries(values.filter(([, value]) => value !== all))

const asF32 = ({ shape, data }: State[string]): FileData => ({ shape, data: Float32Array.from(data as ArrayLike<number>) })

/**
 * The files of the folder; `base` is the model that they belong to, as a path or a name. Throws a Failure where there is no pair,
 * and for a pair beside what is no linear layer of the hub, as experts are none.
 */
export function peftFiles(
  adapters: readonly Adapter[],
  ports: readonly WeightPort[],
  state: State,
  base: string,
): readonly NamedFile[] {
  if (adapters.length === 0)
    throw new Failure(EXIT.usage, 'the run has no low-rank pairs', 'smoe train --learn "lora(rank = 8) on attention" makes them')
  const layers = adapters.map((adapter) => ({ ...adapter, layer: layerOf(adapter.weight, ports) }))
  const [{ rank, scale }] = layers
  const tensors = Object.fromEntries(
    layers.flatMap(({ layer, weight }): [string, FileData][] => [
      [`${WRAPPED}${layer}.lora_A.weight`, asF32(state[adapterName(weight, 'down')])],
      [`${WRAPPED}${layer}.lora_B.weight`, asF32(state[adapterName(weight, 'up')])],
    ]),
  )
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: rank,
    lora_alpha: scale * rank,
    rank_pattern: pattern(
      rank,
      layers.map(({ layer, rank: own }) => [layer, own]),
    ),
    alpha_pattern: pattern(
      scale * rank,
      layers.map(({ layer, rank: own, scale: factor }) => [layer, own * factor]),
    ),
    target_modules: layers.map(({ layer }) => layer),
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
  }
  const [text, bytes] = [`${JSON.stringify(config, null, 2)}\n`, encodeSafetensors(tensors, { format: 'pt' })]
  return [
    { name: 'adapter_config.json', pieces: textPieces(text), bytes: Buffer.byteLength(text) },
    { name: 'adapter_model.safetensors', pieces: [bytes], bytes: bytes.length },
  ]
}
