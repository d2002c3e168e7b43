/** `quantization_config`, as the published checkpoints of each method have it. */
import type { Config } from '../export/config.ts'
import type { ChosenTensor } from './choose.ts'
import { BITS, isInteger, METHOD, type Format, type Method } from './formats.ts'

export interface CodeOptions {
  /** Numbers of a row that share a scale. */
  readonly group: number
  readonly hasZero: boolean
}

const WEIGHT = '.weight'

/** The module whose weight a tensor is. */
const moduleOf = ({ tensor: { name } }: ChosenTensor): string => (name.endsWith(WEIGHT) ? name.slice(0, -WEIGHT.length) : name)

/** Linear layers that stay as they are. */
const keptModules = (chosen: readonly ChosenTensor[], head: string | null): readonly string[] => {
  const kept = chosen.filter(({ isMatrix, format }) => isMatrix && format === null).map(moduleOf)
  // a head that shares the embedding is a linear layer too
  const tied = head === null ? [] : [head.replace(/\.weight$/, '')].filter((name) => !kept.includes(name))
  return [...kept, ...tied.filter((name) => !chosen.some((one) => moduleOf(one) === name))]
}

const weightsOf = (format: keyof typeof BITS, { group, hasZero }: CodeOptions): Config => ({
  actorder: null,
  block_structure: null,
  dynamic: false,
  group_size: group,
  num_bits: BITS[format],
  observer: 'minmax',
  observer_kwargs: {},
  strategy: 'group',
  symmetric: !hasZero,
  type: 'int',
})

/** A group of all linear layers, and for another number of bits one that names its layers: the more exact target counts. */
function compressedTensors(chosen: readonly ChosenTensor[], to: Format, options: CodeOptions): Config {
  const formats = [...new Set(chosen.flatMap(({ format }) => (format !== null && isInteger(format) ? [format] : [])))]
  const ordered = formats.toSorted((a, b) => Number(b === to) - Number(a === to))
  const groups = ordered.map((format, at) => ({
    targets: format === to ? ['Linear'] : chosen.filter((one) => one.format === format).map(moduleOf),
    weights: weightsOf(format, options),
    input_activations: null,
    output_activations: null,
    name: `group_${at}`,
  }))
  return {
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    quantization_status: 'compressed',
    global_compression_ratio: null,
    kv_cache_scheme: null,
    config_groups: Object.fromEntries(groups.map(({ name, ...group }) => [name, group])),
  }
}

const SIDE = 128

type Named = Exclude<Method, null>

/** The name of the method alone, which tells the importer how the architecture lays out what is quantised. */
export const startOf = (method: Named): Config => METHODS[method].start

const METHODS: {
  readonly [M in Named]: {
    readonly start: Config
    readonly config: (chosen: readonly ChosenTensor[], to: Format, options: CodeOptions) => Config
    /** The field that lists modules which have no codes. */
    readonly kept: string
  }
} = {
  'compressed-tensors': {
    start: { quant_method: 'compressed-tensors', config_groups: {} },
    config: compressedTensors,
    kept: 'ignore',
  },
  mxfp4: {
    start: { quant_method: 'mxfp4' },
    config: () => ({ quant_method: 'mxfp4' }),
    kept: 'modules_to_not_convert',
  },
  fp8: {
    start: { quant_method: 'fp8' },
    config: () => ({ quant_method: 'fp8', activation_scheme: 'dynamic', fmt: 'e4m3', weight_block_size: [SIDE, SIDE] }),
    kept: 'modules_to_not_convert',
  },
}

/** `head` is the tensor of a head that may share the embedding; null where there is none. */
export function quantizationConfig(
  chosen: readonly ChosenTensor[],
  to: Format,
  head: string | null,
  options: CodeOptions,
): Config | null {
  const method = METHOD[to]
  if (method === null) return null
  const { config, kept } = METHODS[method]
  return { ...config(chosen, to, options), [kept]: keptModules(chosen, head) }
}
