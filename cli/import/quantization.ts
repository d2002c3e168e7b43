/**
 * `quantization_config`: how the weights of the files are quantised. Weights are those that codes and scales mean; activations
 * stay as they are, whatever a method does to them on its own hardware. Each field is read, or refused by name.
 */
import type { FormatName } from '../../plan/storage/formats.ts'
import { GROUPS, type GroupFormat } from '../../plan/storage/groups.ts'
import { listed } from '../../runtime/checkpoint/quote.ts'
import { isRecord, shown, type Fields } from './fields.ts'

/** How the files store quantised weights. */
export interface Quantization {
  readonly method: string
  /** The formats that their tensors may be in. */
  readonly formats: readonly FormatName[]
}

type ReadMethod = (fields: Fields) => readonly FormatName[]

const BY_FILES = 'nothing: the files say which weights have codes'

function skipAll(fields: Fields, names: readonly string[], reason: string): void {
  for (const name of names) fields.skip(name, reason)
}

function refuseUnread(fields: Fields): void {
  for (const name of fields.unread()) fields.refuseValue(name, 'it is not known what it does to weights')
}

/** Refuses a value that is there and none of these. */
function demandOneOf(fields: Fields, name: string, values: readonly string[], became: string): void {
  if (!fields.has(name)) return
  const value = fields.text(name, became)
  if (!values.includes(value)) fields.refuseValue(name, `${listed(values)} ${values.length === 1 ? 'is' : 'are'} supported`)
}

const SIDE = 128

/** Squares where nothing is said; null is a scale for a whole weight. */
function demandSquares(fields: Fields): void {
  if (!fields.names.includes('weight_block_size')) return
  const size = fields.list('weight_block_size', 'the square that a scale is for')
  if (size.length === 2 && size.every((side) => side === SIDE)) return
  const given = shown(fields.raw('weight_block_size') ?? null)
  fields.refuse(`'quantization_config.weight_block_size' is ${given}: only squares of [${SIDE}, ${SIDE}] are supported`)
}

const mxfp4: ReadMethod = (fields) => {
  skipAll(fields, ['modules_to_not_convert'], BY_FILES)
  return ['mxfp4']
}

const fp8: ReadMethod = (fields) => {
  skipAll(fields, ['modules_to_not_convert', 'modules_to_convert', 'ignored_layers'], BY_FILES)
  demandOneOf(fields, 'fmt', ['e4m3', 'float8_e4m3fn'], 'the numbers that codes mean')
  demandOneOf(fields, 'activation_scheme', ['dynamic'], 'nothing: activations are not quantised here')
  demandOneOf(fields, 'scale_fmt', ['float', 'ue8m0'], 'nothing: scales are read as the files have them')
  demandSquares(fields)
  return ['fp8_128']
}

/** The formats of codes of a type, whatever their bits and groups are. */
const INTEGERS = Object.keys(GROUPS) as readonly GroupFormat[]
const LAYOUTS = ['pack-quantized', 'int-quantized', 'float-quantized', 'naive-quantized']
const BY_SHAPE = 'nothing: the shapes of scales say it'

function demandEmpty(fields: Fields, names: readonly string[], why: string): void {
  for (const name of names) {
    const value = fields.raw(name)
    if (isRecord(value) && Object.keys(value).length === 0) fields.skip(name, 'nothing: it is empty')
    else if (fields.has(name)) fields.refuseValue(name, why)
  }
}

/** Where they are not null, they are refused as unknown. */
function skipNull(fields: Fields, names: readonly string[]): void {
  for (const name of names) if (fields.raw(name) === undefined) fields.skip(name, 'nothing: it is null')
}

/** How the weights of a group are coded. */
function readWeights(fields: Fields): readonly FormatName[] {
  demandOneOf(fields, 'type', ['int', 'float'], 'the numbers that codes mean')
  const isFloat = fields.raw('type') === 'float'
  const bits = fields.count('num_bits', 'nothing: the shapes of codes say it')
  if (bits !== 8 && (bits !== 4 || isFloat)) fields.refuseValue('num_bits', 'int of 4 or 8 and float of 8 are supported')
  demandOneOf(fields, 'strategy', ['group', 'channel', 'tensor', 'block'], BY_SHAPE)
  demandOneOf(fields, 'actorder', ['weight', 'static'], 'nothing: columns are in their own order')
  if (fields.flag('dynamic', 'whether scales are computed while a model runs', false))
    fields.refuseValue('dynamic', 'scales of weights are in the files')
  skipAll(fields, ['symmetric'], 'nothing: the files say which weights have zero points')
  skipAll(fields, ['group_size', 'block_structure'], BY_SHAPE)
  skipAll(fields, ['observer', 'observer_kwargs', 'scale_dtype', 'zp_dtype'], 'nothing: it tells how scales were found')
  refuseUnread(fields)
  return isFloat ? ['fp8_128'] : INTEGERS
}

function readGroup(fields: Fields): readonly FormatName[] {
  skipAll(fields, ['targets'], BY_FILES)
  demandOneOf(fields, 'format', LAYOUTS, 'how codes are laid out')
  if (fields.isGroup('input_activations')) {
    const scheme = fields.group('input_activations')
    if (scheme.raw('dynamic') !== true) scheme.refuseValue('dynamic', 'only activations that are quantised as they are computed')
    fields.skip('input_activations', 'nothing: activations are not quantised here')
  }
  skipNull(fields, ['output_activations', 'input_activations'])
  const formats = fields.isGroup('weights') ? readWeights(fields.group('weights')) : []
  refuseUnread(fields)
  return formats
}

const compressedTensors: ReadMethod = (fields) => {
  demandOneOf(fields, 'format', LAYOUTS, 'how codes are laid out')
  demandOneOf(fields, 'quantization_status', ['compressed'], 'that the files have codes')
  skipAll(fields, ['ignore'], BY_FILES)
  skipAll(fields, ['global_compression_ratio', 'version', 'provider'], 'nothing: the files are the same')
  skipNull(fields, ['kv_cache_scheme'])
  demandEmpty(fields, ['sparsity_config', 'transform_config'], 'only weights that are neither sparse nor transformed')
  const groups = fields.group('config_groups')
  return groups.names.flatMap((name) => readGroup(groups.group(name)))
}

const METHODS: ReadonlyMap<string, ReadMethod> = new Map([
  ['mxfp4', mxfp4],
  ['fp8', fp8],
  ['compressed-tensors', compressedTensors],
])

const supported = listed([...METHODS.keys()])

/** null for weights that are not quantised. */
export function readQuantization(fields: Fields): Quantization | null {
  if (!fields.has('quantization_config')) return null
  const group = fields.group('quantization_config')
  const method = group.text('quant_method', 'how codes and scales are read')
  const read = METHODS.get(method)
  if (read === undefined) {
    const name = "'quantization_config.quant_method'"
    fields.refuse(`the weights are quantised, and ${name} is ${shown(method)}: ${supported} are supported`)
    return null
  }
  const formats = read(group)
  skipAll(group, ['dequantize'], 'nothing: weights lie as they are in the files')
  refuseUnread(group)
  return { method, formats: [...new Set(formats)] }
}
