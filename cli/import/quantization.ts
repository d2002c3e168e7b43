/**
 * `quantization_config`: how the weights of the files are quantised. Weights are those that codes and scales mean; activations
 * stay as they are, whatever a method does to them on its own hardware. Each field is read, or refused by name.
 */
import type { FormatName } from '../../plan/storage/formats.ts'
import { listed } from '../../runtime/checkpoint/quote.ts'
import { shown, type Fields } from './fields.ts'

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

const METHODS: ReadonlyMap<string, ReadMethod> = new Map([
  ['mxfp4', mxfp4],
  ['fp8', fp8],
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
  for (const name of group.unread()) group.refuseValue(name, `it is not known what it does to weights in ${method}`)
  return { method, formats }
}
